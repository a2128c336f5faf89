import assert from "node:assert/strict";
import { test } from "node:test";
import { UOP_SIZE } from "../layout.ts";
import { digestAt, packRegion, regionOffsets } from "./region-data.ts";
import type { KeptModule, StoredModule } from "./kept-module.ts";
import { TranslationService } from "./service.ts";
import type { Translation } from "./translator.ts";

/** The smallest module there is. */
const EMPTY_MODULE = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

function region(fill: number, label = "somewhere"): Uint8Array<ArrayBuffer> {
  const image = {
    uops: new Uint8Array(UOP_SIZE).fill(fill),
    places: Int32Array.of(0),
    pages: Int32Array.of(0),
    nodes: Int32Array.of(0, 1, 1, -1, -1, 0),
  };
  return packRegion({ image, code: Uint8Array.of(fill), mode: 2, digest: fill + 1, label });
}

function serviceWithNotes() {
  const notes = { batches: [] as number[], kept: [] as KeptModule[] };
  const service = new TranslationService({
    loadCompiler: async () => (images) => {
      notes.batches.push(images.length);
      return EMPTY_MODULE;
    },
    keep: (module) => void notes.kept.push(module),
    digest: (bytes) => bytes,
  });
  return { service, ...notes };
}

/** A machine; `answered` resolves when so many requests have been answered. */
function machine() {
  const received: Translation[] = [];
  let look = (): void => {};
  const answers = () => received.flatMap((translation) => translation.answers);
  return {
    received,
    answers,
    receive: (translations: readonly Translation[]) => {
      received.push(...translations);
      look();
    },
    answered: (count: number) =>
      new Promise<void>((resolve) => {
        look = () => answers().length >= count && resolve();
        look();
      }),
  };
}

test("requests that wait together become one module", async () => {
  const { service, batches, kept } = serviceWithNotes();
  const client = machine();
  service.connect(client);
  for (const request of [10, 11, 12]) service.request(client, request, region(request));
  await client.answered(3);
  assert.deepEqual(batches, [3]);
  assert.deepEqual(client.answers(), [
    { request: 10, index: 0 },
    { request: 11, index: 1 },
    { request: 12, index: 2 },
  ]);
  assert.equal(kept.length, 1);
});

test("the same code is compiled once, whoever asks and wherever it lies", async () => {
  const { service, batches } = serviceWithNotes();
  const [one, other] = [machine(), machine()];
  service.connect(one);
  service.connect(other);
  service.request(one, 1, region(7));
  service.request(other, 2, region(7, "elsewhere"));
  await Promise.all([one.answered(1), other.answered(1)]);
  service.request(one, 3, region(7));
  await one.answered(2);
  assert.deepEqual(batches, [1]);
  assert.equal(one.received[0]?.translated.id, other.received[0]?.translated.id);
});

/** What was kept, as it is found at the next start. */
function stored(kept: KeptModule): StoredModule {
  const digests = Uint32Array.of(digestAt(kept.regions, 0));
  return { digests, checksum: Uint8Array.of(1), read: () => kept };
}

test("a machine that comes later is told of everything, also of what was kept", async () => {
  const { service, batches, kept } = serviceWithNotes();
  const first = machine();
  service.connect(first);
  service.request(first, 1, region(7));
  await first.answered(1);
  const again = serviceWithNotes();
  again.service.know(kept.map(stored));
  const later = machine();
  again.service.connect(later);
  assert.deepEqual(
    later.received.map(({ translated }) => [[...translated.digests], translated.contents]),
    [[[8], "kept"]],
  );
  again.service.want(later, 1);
  const contents = later.received[1]?.translated.contents;
  assert.ok(typeof contents === "object" && contents.module instanceof WebAssembly.Module);
  assert.deepEqual([...contents.regions], [...region(7)]);
  again.service.request(later, 5, region(7));
  assert.deepEqual(later.answers(), [{ request: 5, index: 0 }]);
  again.service.want(later, 99);
  assert.equal(later.received[3]?.translated.contents, "lost");
  assert.deepEqual([batches, again.batches], [[1], []]);
});

test("nobody is sent what a machine that is gone has asked for", async () => {
  const { service, batches } = serviceWithNotes();
  const [gone, present] = [machine(), machine()];
  service.connect(gone);
  service.connect(present);
  service.request(gone, 1, region(1));
  service.disconnect(gone);
  service.request(present, 2, region(2));
  await present.answered(1);
  assert.deepEqual(batches, [1]);
  assert.deepEqual(gone.received, []);
});

test("a module that was kept and cannot be read is lost, and its regions are translated again", async () => {
  const { service, batches } = serviceWithNotes();
  service.know([{ digests: Uint32Array.of(8), checksum: Uint8Array.of(1), read: () => undefined }]);
  const client = machine();
  service.connect(client);
  service.want(client, 1);
  assert.deepEqual(
    client.received.map(({ translated }) => translated.contents),
    ["kept", "lost"],
  );
  service.request(client, 1, region(7));
  await client.answered(1);
  assert.deepEqual(batches, [1]);
});

test("machine code is kept with a module and used for it, unless it is of no use", () => {
  const regions = region(7);
  const code = Uint8Array.of(1, 2, 3);
  const isUsed = (module: WebAssembly.Module | undefined, machineCode = code) => {
    let asked = 0;
    const service = new TranslationService({
      loadCompiler: () => Promise.reject(new Error("not needed")),
      digest: (bytes) => bytes,
      machineCode: {
        of: () => code,
        module: () => {
          asked++;
          return module;
        },
      },
    });
    service.know([stored({ wasm: EMPTY_MODULE, machineCode, regions })]);
    const client = machine();
    service.connect(client);
    service.want(client, 1);
    const contents = client.received[1]?.translated.contents;
    return [asked, contents === "lost" ? "lost" : typeof contents === "object" && contents.module === module];
  };
  assert.deepEqual(isUsed(new WebAssembly.Module(EMPTY_MODULE)), [1, true]);
  assert.deepEqual(isUsed(undefined), [1, "lost"]);
  assert.deepEqual(isUsed(undefined, new Uint8Array(0)), [0, false]);
});

test("what is for later runs is translated when nobody waits, and kept", async () => {
  const notes = { kept: [] as KeptModule[] };
  const { promise: isKept, resolve } = Promise.withResolvers<void>();
  const service = new TranslationService({
    loadCompiler: async () => () => EMPTY_MODULE,
    laterAfterMs: 1,
    keep: (module) => {
      notes.kept.push(module);
      resolve();
    },
    digest: (bytes) => bytes,
  });
  const client = machine();
  service.connect(client);
  service.keepForLater(region(1));
  service.keepForLater(region(1, "elsewhere"));
  service.keepForLater(region(2));
  await isKept;
  assert.deepEqual(
    notes.kept.map(({ regions }) => regionOffsets(regions).map((offset) => digestAt(regions, offset))),
    [[2, 3]],
  );
  assert.deepEqual(client.received, []);
});

test("beyond the room there is, the modules longest unused are forgotten", () => {
  const service = new TranslationService({
    loadCompiler: () => Promise.reject(new Error("not needed")),
    digest: (bytes) => bytes,
    machineCode: { of: () => new Uint8Array(0), module: () => new WebAssembly.Module(EMPTY_MODULE) },
  });
  // Memory that is asked for and never touched.
  const machineCode = new Uint8Array(60 * 1024 * 1024);
  const kept = [1, 2, 3].map((fill) => stored({ wasm: EMPTY_MODULE, machineCode, regions: region(fill) }));
  service.know(kept);
  const client = machine();
  service.connect(client);
  for (const id of [1, 2, 1, 3]) service.want(client, id);
  const seen = [1, 2, 3].map((id) => {
    service.want(client, id);
    return typeof client.received.at(-1)?.translated.contents;
  });
  assert.deepEqual(seen, ["object", "string", "object"]);
});
