// A set of interrupt vectors 0 to 255, as the local APIC's IRR, ISR and TMR hold them: eight 32-bit words.

export class VectorSet {
  readonly words = new Uint32Array(8);

  has(vector: number): boolean {
    return ((this.words[vector >>> 5] as number) & (1 << (vector & 31))) !== 0;
  }

  add(vector: number): void {
    this.words[vector >>> 5] = (this.words[vector >>> 5] as number) | (1 << (vector & 31));
  }

  remove(vector: number): void {
    this.words[vector >>> 5] = (this.words[vector >>> 5] as number) & ~(1 << (vector & 31));
  }

  /** The highest vector, which is the most urgent; -1 when empty. */
  highest(): number {
    for (let i = 7; i >= 0; i--) {
      const word = this.words[i] as number;
      if (word !== 0) return i * 32 + 31 - Math.clz32(word);
    }
    return -1;
  }

  clear(): void {
    this.words.fill(0);
  }
}
