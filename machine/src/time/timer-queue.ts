// Deadlines in guest time: a binary heap of timers that are made once and armed often. The machine asks for the next
// deadline to know how long to run or sleep, and fires what is due between slices.

/** One timer. Owned by the chip that made it. */
export class Timer {
  readonly #queue: TimerQueue;
  readonly fire: (nowNs: number) => void;
  /** Infinity when not armed. */
  deadlineNs = Number.POSITIVE_INFINITY;
  /** Place in the heap, -1 when not armed. Only the queue writes it. */
  heapIndex = -1;

  constructor(queue: TimerQueue, fire: (nowNs: number) => void) {
    this.#queue = queue;
    this.fire = fire;
  }

  get isArmed(): boolean {
    return this.heapIndex >= 0;
  }

  /** Arms or moves the timer. A deadline in the past fires at the next `runDue`. */
  armAt(deadlineNs: number): void {
    this.#queue.place(this, deadlineNs);
  }

  disarm(): void {
    this.#queue.remove(this);
  }
}

export class TimerQueue {
  readonly #heap: Timer[] = [];
  /** Called when a timer becomes the earliest one, so that whoever sleeps or runs until the old deadline can look again. */
  onEarlier: (deadlineNs: number) => void = () => {};

  /** `fire` runs once for each arming, with the timer already disarmed; it may arm again. */
  createTimer(fire: (nowNs: number) => void): Timer {
    return new Timer(this, fire);
  }

  /** Infinity when nothing is armed. */
  nextDeadlineNs(): number {
    return this.#heap[0]?.deadlineNs ?? Number.POSITIVE_INFINITY;
  }

  /** Fires timers due at `nowNs`, earliest first; bounded, so that a timer re-armed in the past cannot stall the caller. */
  runDue(nowNs: number): void {
    for (let left = this.#heap.length * 2; left > 0 && this.nextDeadlineNs() <= nowNs; left--) {
      const timer = this.#heap[0] as Timer;
      this.remove(timer);
      timer.fire(nowNs);
    }
  }

  /** For `Timer.armAt`. */
  place(timer: Timer, deadlineNs: number): void {
    if (timer.heapIndex < 0) {
      timer.heapIndex = this.#heap.length;
      this.#heap.push(timer);
    }
    timer.deadlineNs = deadlineNs;
    this.#settle(timer);
    if (timer.heapIndex === 0) this.onEarlier(deadlineNs);
  }

  /** For `Timer.disarm`. */
  remove(timer: Timer): void {
    const index = timer.heapIndex;
    if (index < 0) return;
    const last = this.#heap.pop() as Timer;
    timer.heapIndex = -1;
    timer.deadlineNs = Number.POSITIVE_INFINITY;
    if (last === timer) return;
    this.#put(last, index);
    this.#settle(last);
  }

  #put(timer: Timer, index: number): void {
    this.#heap[index] = timer;
    timer.heapIndex = index;
  }

  #settle(timer: Timer): void {
    let index = timer.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1;
      const parent = this.#heap[parentIndex] as Timer;
      if (parent.deadlineNs <= timer.deadlineNs) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= this.#heap.length) break;
      const right = this.#heap[childIndex + 1];
      if (right !== undefined && right.deadlineNs < (this.#heap[childIndex] as Timer).deadlineNs)
        childIndex++;
      const child = this.#heap[childIndex] as Timer;
      if (child.deadlineNs >= timer.deadlineNs) break;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(timer, index);
  }
}
