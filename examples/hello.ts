// Boots Linux, runs a program in it and reads what it said. Run it with: node examples/hello.ts

import { Machine } from "@hearth/platform";

await using machine = await Machine.start({ memoryMib: 128 });
await machine.files.write("/tmp/name", "world");
const hello = await machine.exec(["sh", "-c", "echo hello, $(cat /tmp/name), from $(uname -sr)"]);
console.log(hello.stdout.trim());
process.exitCode = hello.exitCode;
