// Hot code of one machine becomes regions. Between slices: places that the core found hot are formed to images and handed to the
// translator; modules that have become ready are installed if the code is still the same. Code that was translated before, by
// whomever, is wanted when it is first decoded.

import {
  CPU_MODE,
  CPU_RIP,
  CPU_SEG,
  CPU_TLB,
  ENGINE_COUNT_ARENA_RESETS,
  ENGINE_FIRST_REGION,
  MODE_CODE_MASK,
  MODE_CODE16,
  MODE_CODE64,
  MODE_SINGLE,
  SEG_CS,
  SEG_SIZE,
} from "../../layout.ts";
import { CodePages, type CoreLookup, type RegionPage } from "./code-pages.ts";
import { formAt } from "./form-hot-region.ts";
import { type HotPlace, placeOfBlock, takeHotPlaces } from "./hot-ring.ts";
import { InlineTranslator, translateNow } from "./inline-translator.ts";
import { KnownRegions, regionOf } from "./known-regions.ts";
import { loadRegionCompiler, regionCompiler } from "./region-compiler.ts";
import { packRegion } from "../../translation/region-data.ts";
import { holdsCode, watchRegion } from "./region-bytes.ts";
import { RegionFunctions } from "./region-functions.ts";
import { RegionSlots } from "./region-slots.ts";
import { SampleRate } from "./sample-rate.ts";
import type { HotRegion, TranslatedModule, Translation, Translator } from "../../translation/translator.ts";

/** At most this share of the time goes into forming images, after a start that is free. */
const FORM_SHARE = 0.1;
const FREE_FORM_MS = 50;
/** A known place whose pages are not all mapped is looked at again so often. */
const MAX_TRIES = 4;
/** Regions under translation at most. */
const MAX_REQUESTS = 256;
/**
 * So often a place must have been found hot before it is worth a translation at once, and the more are waited for, the more often:
 * so the hottest code is compiled first. What is less hot than that is translated for later runs.
 */
const MENTIONS = 2;
const REQUESTS_PER_MENTION = 1.5;
/** Only so long after the start something is translated for later runs: every run begins with that, and what goes on gets hot. */
const FOR_LATER_MS = 3000;

interface CoreFunctions extends CoreLookup {
  enterAt(cpu: number, linear: bigint): number;
  resetBlocks(cpu: number): void;
}

/** A region whose code is in these pages. */
export interface LocatedRegion {
  readonly place: HotPlace;
  readonly region: HotRegion;
  readonly pages: readonly RegionPage[];
}

interface Requested extends LocatedRegion {
  /** How often all micro-ops had been forgotten when it was asked for. */
  readonly resets: bigint;
}

export interface HotCodeParts {
  readonly view: DataView;
  readonly memory: WebAssembly.Memory;
  readonly core: WebAssembly.Exports;
  readonly interpreter: WebAssembly.Exports;
  /** First table place behind the handlers. */
  readonly firstSlot: number;
  /** Compiles in the same thread if absent. */
  readonly translator?: Translator | undefined;
}

export class HotCode {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #core: CoreFunctions;
  readonly #translator: Translator;
  readonly #functions: RegionFunctions;
  readonly #slots: RegionSlots;
  readonly #pages: CodePages;
  readonly #known: KnownRegions;
  readonly #rate: SampleRate;
  readonly #requests = new Map<number, Requested>();
  /** Micro-ops of entries that are being translated. */
  readonly #underWay = new Set<number>();
  readonly #startMs = performance.now();
  /** Places that wait for the contents of a module that was kept, by its number. */
  readonly #wanting = new Map<number, HotPlace[]>();
  /** How often places have been found hot, by their micro-ops. */
  readonly #mentions = new Map<number, number>();
  #formMs = 0;
  #formed = 0;
  #nextRequest = 0;
  #again: { readonly place: HotPlace; readonly tries: number }[] = [];
  #resets = 0n;

  constructor({ view, memory, core, interpreter, firstSlot, translator }: HotCodeParts) {
    this.#view = view;
    this.#bytes = new Uint8Array(view.buffer, view.byteOffset);
    this.#core = core as unknown as CoreFunctions;
    this.#translator = translator ?? new InlineTranslator();
    this.#functions = new RegionFunctions(memory, core, interpreter);
    this.#slots = new RegionSlots(view, interpreter["handlers"] as WebAssembly.Table, firstSlot);
    this.#pages = new CodePages(view, this.#core);
    this.#known = new KnownRegions(view, (id) => this.#slots.dropModule(id));
    this.#rate = new SampleRate(view);
    view.setUint32(ENGINE_FIRST_REGION, firstSlot, true);
  }

  /** Blocks to the first sample of a slice. */
  get samplePeriod(): number {
    return this.#rate.periodBlocks;
  }

  /** For the profile. */
  counts(): Readonly<Record<string, number>> {
    const { installs, count } = this.#slots;
    return {
      "regions formed": this.#formed,
      "milliseconds of forming them": Math.round(this.#formMs),
      "regions installed": installs,
      "regions in place at the end": count,
      "regions under translation at the end": this.#requests.size,
    };
  }

  /** A slice of the vCPU at `area` has ended. */
  afterSlice(area: number): void {
    this.#rate.adjust();
    this.#noticeReset();
    this.#slots.dropStale(area);
    for (const translation of this.#translator.take()) this.#receive(area, translation);
    const again = this.#again;
    this.#again = [];
    for (const { place, tries } of again) this.#consider(area, place, tries);
    for (const place of takeHotPlaces(this.#view)) this.#consider(area, place, 0);
  }

  /** Compiles the code at RIP now; false when there is nothing to compile. For tests. */
  compileHere(area: number): boolean {
    const mode = this.#view.getUint32(area + CPU_MODE, true);
    if ((mode & MODE_CODE_MASK) === MODE_CODE16 || (mode & MODE_SINGLE) !== 0) return false;
    this.#noticeReset();
    this.#slots.dropStale(area);
    const rip = this.#view.getBigUint64(area + CPU_RIP, true);
    const codeBase = this.#view.getBigUint64(area + CPU_SEG + SEG_CS * SEG_SIZE, true);
    const linear = (mode & MODE_CODE_MASK) === MODE_CODE64 ? rip : BigInt.asUintN(32, rip + codeBase);
    const uop = this.#core.enterAt(area, linear);
    if (uop === 0 || this.#slots.isEntry(uop)) return false;
    const bank = this.#view.getUint32(area + CPU_TLB, true);
    const place = placeOfBlock(this.#view, { uop, linear, bank, isKnown: false });
    const formed = this.#form(area, place);
    if (formed === undefined) return false;
    const translation = translateNow(packRegion(formed.region));
    if (translation === undefined) return false;
    if (this.#install(formed, translation.translated, 0)) return true;
    this.#core.resetBlocks(area);
    return false;
  }

  #noticeReset(): void {
    const resets = this.#view.getBigUint64(ENGINE_COUNT_ARENA_RESETS, true);
    if (resets === this.#resets) return;
    this.#resets = resets;
    this.#slots.forgetAll();
    this.#underWay.clear();
    for (const id of this.#wanting.keys()) this.#wanting.set(id, []);
    this.#mentions.clear();
    this.#again = [];
  }

  #consider(area: number, place: HotPlace, tries: number): void {
    if (this.#slots.isEntry(place.uop) || this.#underWay.has(place.uop)) return;
    const found = this.#pages.at(area, place, () => this.#installKnown(area, place));
    if (found === "unmapped" && tries < MAX_TRIES) this.#again.push({ place, tries: tries + 1 });
    else if (found !== "installed" && found !== "wanted" && !place.isKnown) this.#translate(area, place);
  }

  /** Installs a region that was translated before and whose code is here, or sees to it that a module it may be in is read. */
  #installKnown(area: number, place: HotPlace): "installed" | "wanted" | "unmapped" | "other code" {
    let isUnmapped = false;
    for (const { translated, index } of this.#known.candidates(place.digest)) {
      const { contents } = translated;
      if (typeof contents === "string") {
        this.#want(translated.id, place);
        return "wanted";
      }
      const region = regionOf(contents, index);
      if (region.mode !== place.mode) continue;
      const pages = this.#pages.find(area, place.linear, region.image.pages);
      isUnmapped ||= pages === undefined;
      if (pages === undefined || !this.#isUsable({ place, region, pages }, area)) continue;
      if (this.#install({ place, region, pages }, translated, index)) return "installed";
    }
    return isUnmapped ? "unmapped" : "other code";
  }

  #want(id: number, place: HotPlace): void {
    const others = this.#wanting.get(id);
    if (others === undefined) this.#translator.want(id);
    this.#wanting.set(id, [...(others ?? []), place]);
  }

  #isUsable({ region, pages }: LocatedRegion, area: number): boolean {
    if (!holdsCode(this.#bytes, region, pages) || !this.#pages.areSteady(pages)) return false;
    const watch = (host: number, bytes: number): boolean => this.#core.watchCode(area, host, bytes) !== 0;
    return watchRegion(watch, region.image, pages);
  }

  /** Asks for a place to be translated; what is not hot enough for that now is for later runs. */
  #translate(area: number, place: HotPlace): void {
    if (regionCompiler() === undefined) {
      void loadRegionCompiler();
      return;
    }
    const mentions = (this.#mentions.get(place.uop) ?? 0) + 1;
    this.#mentions.set(place.uop, mentions);
    const isHotEnough = mentions >= MENTIONS + this.#requests.size / REQUESTS_PER_MENTION;
    const isForLater = !isHotEnough && mentions === 1 && this.#isForLater();
    if (!isHotEnough && !isForLater) return;
    const formed = this.#formInTime(area, place);
    if (formed === undefined || !this.#pages.areSteady(formed.pages)) return;
    if (isHotEnough) this.#request(place, formed);
    else this.#translator.keep(packRegion(formed.region));
  }

  #isForLater(): boolean {
    return this.#translator.isKeeping && performance.now() - this.#startMs < FOR_LATER_MS;
  }

  /** Undefined when too much time has been spent on that, or nothing can be formed. */
  #formInTime(area: number, place: HotPlace): LocatedRegion | undefined {
    const startMs = performance.now();
    const isOverspent = this.#formMs > FREE_FORM_MS + FORM_SHARE * (startMs - this.#startMs);
    if (isOverspent || this.#requests.size >= MAX_REQUESTS) return undefined;
    const formed = this.#pages.at(area, place, () => this.#form(area, place));
    this.#formMs += performance.now() - startMs;
    if (formed !== undefined) this.#formed++;
    return formed;
  }

  #request(place: HotPlace, formed: LocatedRegion): void {
    const id = this.#nextRequest++;
    if (!this.#translator.request(id, packRegion(formed.region))) return;
    this.#requests.set(id, { ...formed, resets: this.#resets });
    this.#underWay.add(place.uop);
  }

  #form(area: number, place: HotPlace): LocatedRegion | undefined {
    const source = {
      view: this.#view,
      peekBlock: (linear: bigint) => this.#core.peekBlock(area, linear),
      originalUop: (uop: number) => this.#slots.originalUop(uop),
    };
    return formAt(source, place, (distances) => this.#pages.find(area, place.linear, distances));
  }

  #receive(area: number, { translated, answers }: Translation): void {
    // Every message brings another object for the same module: the first one has the instance.
    const known = this.#known.add(translated);
    if (known.contents !== "kept") {
      const places = this.#wanting.get(known.id) ?? [];
      this.#wanting.delete(known.id);
      for (const place of places) this.#consider(area, place, 0);
    }
    for (const { request, index } of answers) {
      const requested = this.#requests.get(request);
      this.#requests.delete(request);
      if (requested !== undefined) this.#installRequested(requested, known, index);
    }
  }

  #installRequested(requested: Requested, translated: TranslatedModule, index: number): void {
    const { place, pages, resets } = requested;
    if (resets !== this.#resets) return;
    this.#underWay.delete(place.uop);
    if (!pages.every((page) => this.#pages.isCurrent(page)) || this.#slots.isEntry(place.uop)) return;
    this.#install(requested, translated, index);
  }

  #install({ place, region, pages }: LocatedRegion, translated: TranslatedModule, index: number): boolean {
    const { contents, id } = translated;
    if (typeof contents === "string") return false;
    const run = this.#functions.get(contents.module, index);
    this.#known.noteUse(translated);
    return this.#slots.install({ image: region.image, entryUop: place.uop, pages, run, moduleId: id });
  }
}
