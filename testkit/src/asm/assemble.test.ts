import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assemble } from "./assemble.ts";

const hex = (source: string, bits: 16 | 32 | 64 = 64): string =>
  Buffer.from(assemble(source, { origin: 0x1000, bits }).bytes).toString("hex");

test("labels reach both ways and directives place data", () => {
  const program = assemble("back: jmp ahead\n align 8\n table: dq table, 5\n ahead: jmp back", {
    origin: 0x1000,
    bits: 64,
  });
  assert.equal(program.label("ahead"), 0x1018n);
  assert.equal(
    Buffer.from(program.bytes).toString("hex"),
    "e913000000cccccc08100000000000000500000000000000e9e3ffffff",
  );
});

test("the operand size gives prefixes by code width", () => {
  assert.equal(hex("mov eax, 1", 16), "66b801000000");
  assert.equal(hex("mov eax, 1", 32), "b801000000");
  assert.equal(hex("mov rax, 1", 64), "48b80100000000000000");
  assert.throws(() => hex("mov rax, 1", 32), /REX/);
});

test("mistakes name their line", () => {
  assert.throws(() => hex("nop\n mov rax, nowhere"), /line 2.*unknown name "nowhere"/);
  assert.throws(() => hex("frob rax"), /unknown instruction "frob"/);
});

/** One line for every shape of encoding, in the dialect both assemblers read. */
const SHAPES = `
mov rax, qword [rbx]
mov r9, qword [r12+8]
mov dword [r13], eax
mov byte [rsp+rcx*4-0x12345], 5
mov sil, byte [rbp]
mov ah, bl
mov ss, eax
mov cr3, rax
mov rax, cr8
mov dr7, rdx
add rbx, 0x12345
add ecx, -3
sub byte [rdx], 7
cmp r8w, 0x1234
xor r10, r11
shl rdx, 32
inc qword [rax+0x100]
div rcx
push r12
pop rbx
call rax
jmp qword [rbx]
out dx, eax
in al, 0x60
lgdt [rbx]
ltr ax
invlpg [r8]
invpcid rcx, oword [rax]
movups xmm9, oword [rax+rdx]
movdqu oword [rsi], xmm1
rep movsq
stosw
lock cmpxchg qword [rdi], r15
lock xadd dword [rbx+4], ecx
mov rax, qword [gs:rcx+8]
iretd
lea rdi, [rax+rax*8+1]
`;

function binutilsMissing(): string | false {
  const found = spawnSync("as", ["--version"]).status === 0;
  return found ? false : "GNU as is not installed";
}

test("every shape is encoded as GNU as does it", { skip: binutilsMissing() }, () => {
  const folder = mkdtempSync(join(tmpdir(), "hearth-as-"));
  try {
    const theirs = SHAPES.replace(/\[(\w\w):/g, "$1:[")
      .replace(
        /(byte|dword|qword|oword|word) /g,
        (_, size: string) => `${size === "oword" ? "xmmword" : size} ptr `,
      )
      .replace(/^mov (\w+), (\d+)$/gm, "movabs $1, $2");
    writeFileSync(join(folder, "a.s"), `.intel_syntax noprefix\n${theirs}`);
    execFileSync("as", ["--64", "-o", join(folder, "a.o"), join(folder, "a.s")]);
    execFileSync("objcopy", ["-O", "binary", "-j", ".text", join(folder, "a.o"), join(folder, "a.bin")]);
    assert.equal(hex(SHAPES), readFileSync(join(folder, "a.bin")).toString("hex"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
