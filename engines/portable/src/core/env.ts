// What the host side hands in. Guest-physical addresses travel as f64, exact below 2^53; 64-bit values as two halves.

// @ts-ignore: decorator
@external("env", "readPort")
export declare function readPort(port: u32, size: u32): u32;
// @ts-ignore: decorator
@external("env", "writePort")
export declare function writePort(port: u32, size: u32, value: u32): void;
// @ts-ignore: decorator
@external("env", "readMmio")
export declare function readMmio(gpa: f64, size: u32): u32;
// @ts-ignore: decorator
@external("env", "writeMmio")
export declare function writeMmio(gpa: f64, size: u32, value: u32): void;
/** Puts the value at the scratch field of the vCPU and answers 1; 0 raises #GP. */
// @ts-ignore: decorator
@external("env", "readMsr")
export declare function readMachineMsr(cpu: usize, index: u32): u32;
// @ts-ignore: decorator
@external("env", "writeMsr")
export declare function writeMachineMsr(cpu: usize, index: u32, low: u32, high: u32): u32;
// @ts-ignore: decorator
@external("env", "acknowledgeInterrupt")
export declare function acknowledgeInterrupt(cpu: usize): i32;
// @ts-ignore: decorator
@external("env", "readTaskPriority")
export declare function readTaskPriority(cpu: usize): u32;
// @ts-ignore: decorator
@external("env", "writeTaskPriority")
export declare function writeTaskPriority(cpu: usize, priority: u32): void;
/** Nanoseconds of guest time. */
// @ts-ignore: decorator
@external("env", "nowNs")
export declare function nowNs(): f64;
/** 32 random bits. */
// @ts-ignore: decorator
@external("env", "random")
export declare function randomBits(): u32;
