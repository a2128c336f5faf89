#!/usr/bin/env python3
"""Pure-Python kernels of different kinds, each printing a digest of its result: kernels.py PER_CENT."""

import hashlib
import json
import math
import sys


def digest(value):
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]


def queens(size):
    """All solutions of the queens puzzle, by recursion over bit sets."""
    full = (1 << size) - 1

    def place(columns, left, right):
        if columns == full:
            return 1
        count = 0
        free = full & ~(columns | left | right)
        while free:
            bit = free & -free
            free ^= bit
            count += place(columns | bit, (left | bit) << 1, (right | bit) >> 1)
        return count

    return place(0, 0, 0)


def permutations_flipped(size):
    """The most flips of any permutation (lists and slices)."""
    best = 0
    order = list(range(size))
    counts = [0] * size
    index = 1
    while index < size:
        if counts[index] < index:
            other = 0 if index % 2 == 0 else counts[index]
            order[other], order[index] = order[index], order[other]
            flipped, flips = order[:], 0
            while flipped[0]:
                first = flipped[0]
                flipped[: first + 1] = flipped[first::-1]
                flips += 1
            best = max(best, flips)
            counts[index] += 1
            index = 1
        else:
            counts[index] = 0
            index += 1
    return best


class Body:
    def __init__(self, position, speed, mass):
        self.position, self.speed, self.mass = position, speed, mass


def planets(steps):
    """Bodies that pull each other (floats and attributes)."""
    bodies = [Body([n * 1.5 + 0.1, n % 3 - 1.0, 0.3 * n], [0.01 * n, 0.4 - 0.1 * n, 0.02], 1.0 / (n + 1)) for n in range(5)]
    for _ in range(steps):
        for i, one in enumerate(bodies):
            for other in bodies[i + 1 :]:
                gap = [a - b for a, b in zip(one.position, other.position)]
                square = sum(d * d for d in gap) + 0.05
                pull = 0.001 / (square * math.sqrt(square))
                for axis in range(3):
                    one.speed[axis] -= gap[axis] * other.mass * pull
                    other.speed[axis] += gap[axis] * one.mass * pull
        for body in bodies:
            body.position = [p + 0.001 * v for p, v in zip(body.position, body.speed)]
    return [[value.hex() for value in body.position] for body in bodies]


def pi_digits(count):
    """A spigot of big integers."""
    digits, q, r, t, k, n, l = [], 1, 0, 1, 1, 3, 3
    while len(digits) < count:
        if 4 * q + r - t < n * t:
            digits.append(n)
            q, r, n = 10 * q, 10 * (r - n * t), 10 * (3 * q + r) // t - 10 * n
        else:
            q, r, t, k, n, l = q * k, (2 * q + r) * l, t * l, k + 1, (q * (7 * k + 2) + r * l) // (t * l), l + 2
    return digits


def words(rounds):
    """Counting, splitting, joining, sorting (dictionaries and strings)."""
    counts, seed = {}, 12345
    for _ in range(rounds):
        line = []
        for _ in range(50):
            seed = (seed * 1103515245 + 12345) % 2147483648
            line.append("w%d" % (seed >> 16) if seed & 4096 else "common%d" % (seed % 17))
        for word in " ".join(line).split():
            counts[word] = counts.get(word, 0) + 1
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return json.loads(json.dumps(top))[:500]


def sieve(limit):
    flags = bytearray([1]) * limit
    flags[:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if flags[number]:
            for multiple in range(number * number, limit, number):
                flags[multiple] = 0
    return sum(flags)


def main():
    scale = int(sys.argv[1]) / 100
    grown = lambda size: max(1, int(size * scale))
    for kernel, argument in [(queens, 12 if scale >= 0.5 else 8), (permutations_flipped, 9 if scale >= 0.5 else 7), (planets, grown(50_000)),
                             (pi_digits, grown(4000)), (words, grown(30_000)), (sieve, grown(8_000_000))]:
        print(kernel.__name__, digest(kernel(argument)), flush=True)


main()
