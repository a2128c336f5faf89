/*
 * Values at the points the transcendental functions are reduced to, rounded to 128 bits: high word returned,
 * low word in tableLo. Switches rather than arrays: the core keeps no static data in memory.
 */

/** Low word of the last value. */
export let tableLo: u64 = 0;

function pair(hi: u64, lo: u64): u64 {
  tableLo = lo;
  return hi;
}

/** atan(index / 16) in units of 2^-126, for index 0..16. */
export function arctangentOf(index: i32): u64 {
  switch (index) {
    case 0:
      return pair(0x0000000000000000, 0x0000000000000000);
    case 1:
      return pair(0x03feab76e59fbd38, 0xdb2c9e4b7038b835);
    case 2:
      return pair(0x07f56ea6ab0bdb71, 0x9644bcc4f9f44478);
    case 3:
      return pair(0x0bdcbda5e72d8113, 0x47b0b4f881c9c748);
    case 4:
      return pair(0x0fadbafc96406eb1, 0x56dc79ef5f7a217e);
    case 5:
      return pair(0x1362773707ebcbcd, 0x38b576931a4f5e65);
    case 6:
      return pair(0x16f61941e4def08e, 0x715464245b9fc890);
    case 7:
      return pair(0x1a64eec3cc23fcb6, 0xc84f92bd2003ce27);
    case 8:
      return pair(0x1dac670561bb4f68, 0xadfc88bd978751a0);
    case 9:
      return pair(0x20cafd29b6619f8a, 0x92da8272d8694570);
    case 10:
      return pair(0x23c01757bdfd67e6, 0xd720d78599710dd2);
    case 11:
      return pair(0x268be0399c6f7688, 0x1089be388813fcef);
    case 12:
      return pair(0x292f1f464d3dc249, 0x066a1fca915f6b28);
    case 13:
      return pair(0x2bab130e2d363020, 0x051c978bcf9481c3);
    case 14:
      return pair(0x2e014f8af08c679c, 0xf2cb69548429110f);
    case 15:
      return pair(0x3033a16e2b149990, 0x227758b11ba4be89);
    default:
      return pair(0x3243f6a8885a308d, 0x313198a2e0370734);
  }
}

/** The magnitude of log2(index / 32) in units of 2^-128, for index 23..45. */
export function logarithmOf(index: i32): u64 {
  switch (index) {
    case 23:
      return pair(0x79f7d7f94e2acd3b, 0xed456b24ed10f558);
    case 24:
      return pair(0x6a3fe5c604297860, 0x5ff4edf5f974522f);
    case 25:
      return pair(0x5b2c3da19723a80d, 0xb6a0480592812599);
    case 26:
      return pair(0x4caffb8dc3b9a196, 0x8925e378d67caee2);
    case 27:
      return pair(0x3ebfb1520c7c6921, 0x1fdec9e1ec5cf68d);
    case 28:
      return pair(0x315130157f7a64cc, 0xd536fc5bec1a57b9);
    case 29:
      return pair(0x245b5b8556692da5, 0xa475e64e39c898e1);
    case 30:
      return pair(0x17d60496cfbb4c67, 0x3b4511f8c2b4e4fb);
    case 31:
      return pair(0x0bb9ca64ecac6aae, 0xf2e1c07f0438ebac);
    case 32:
      return pair(0x0000000000000000, 0x0000000000000000);
    case 33:
      return pair(0x0b5d69bac77ec398, 0x9b03784b5be08490);
    case 34:
      return pair(0x1663f6fac913167c, 0xcc53826144575ac4);
    case 35:
      return pair(0x2118b119b4f3c72c, 0x4f78dfa14aa5157b);
    case 36:
      return pair(0x2b803473f7ad0f3f, 0x401624140d175ba2);
    case 37:
      return pair(0x359ebc5b69d927df, 0xc23d9780306c696a);
    case 38:
      return pair(0x3f782d7204d01447, 0x51b3314f09de6be5);
    case 39:
      return pair(0x49101eac381ce609, 0x16e52e91300efeef);
    case 40:
      return pair(0x5269e12f346e2bf9, 0x24afdbfd36bf6d33);
    case 41:
      return pair(0x5b8887367433795e, 0x35482d13dc0f110d);
    case 42:
      return pair(0x646eea247c5c22d2, 0xcad415ae1a715618);
    case 43:
      return pair(0x6d1fafdce20a8290, 0x51bbe3f6289e3ab7);
    case 44:
      return pair(0x759d4f80cba83bf8, 0xfaf866415554d6bf);
    default:
      return pair(0x7dea15a32c1b3b38, 0x64c6001143d6c8d6);
  }
}

/** 2^(index / 16) in units of 2^-127, for index 0..15. */
export function powerOf(index: i32): u64 {
  switch (index) {
    case 0:
      return pair(0x8000000000000000, 0x0000000000000000);
    case 1:
      return pair(0x85aac367cc487b14, 0xc5c95b8c2154c1b2);
    case 2:
      return pair(0x8b95c1e3ea8bd6e6, 0xfbe4628758a53c90);
    case 3:
      return pair(0x91c3d373ab11c336, 0x0fd6d8e0ae5ac9d8);
    case 4:
      return pair(0x9837f0518db8a96f, 0x46ad23182e42f6f6);
    case 5:
      return pair(0x9ef5326091a111ad, 0xa0911f09ebb9fdd1);
    case 6:
      return pair(0xa5fed6a9b15138ea, 0x1cbd7f621710701b);
    case 7:
      return pair(0xad583eea42a14ac6, 0x4980a8c8f59a2ec4);
    case 8:
      return pair(0xb504f333f9de6484, 0x597d89b3754abe9f);
    case 9:
      return pair(0xbd08a39f580c36be, 0xa8811fb66d0faf7a);
    case 10:
      return pair(0xc5672a115506dadd, 0x3e2ad0c964dd9f37);
    case 11:
      return pair(0xce248c151f8480e3, 0xe235838f95f2c6ed);
    case 12:
      return pair(0xd744fccad69d6af4, 0x39a68bb9902d3fde);
    case 13:
      return pair(0xe0ccdeec2a94e111, 0x065895048dd333ca);
    case 14:
      return pair(0xeac0c6e7dd24392e, 0xd02d75b3706e54fb);
    default:
      return pair(0xf5257d152486cc2c, 0x7b9d0c7aed980fc3);
  }
}
