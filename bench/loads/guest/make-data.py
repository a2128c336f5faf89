#!/usr/bin/env python3
"""Makes the data that the loads work on, the same on every run and host: make-data.py FOLDER.

text: 32 MiB to compress. rows.sql: 100,000 inserted rows. tree/: a few thousand files for git.
program.c: 2,000 lines for the compiler, in parts that -DPARTS=n leaves out.
"""

import os
import random
import sys

TEXT_BYTES = 32 << 20
ROWS = 100_000
FOLDERS = 60
FILES_A_FOLDER = 50
PARTS = 20


def make_words(random_source, count):
    syllables = ["ba", "do", "ke", "li", "mo", "nu", "pra", "sto", "ti", "ver", "wen", "xi", "yor", "zu", "an", "est"]
    return ["".join(random_source.choices(syllables, k=random_source.randint(1, 4))) for _ in range(count)]


def make_text(folder, words, random_source):
    """What logs and sources look like to a compressor: phrases that come again with changes, rare words, a few bytes."""
    phrases = [" ".join(random_source.choices(words, k=random_source.randint(20, 60))) for _ in range(3000)]
    written = 0
    with open(os.path.join(folder, "text"), "wb") as file:
        while written < TEXT_BYTES:
            line = random_source.choice(phrases) + f" {written % 100_000}"
            if random_source.random() < 0.1:
                line = line.replace("a", random_source.choice("eiou"))
            data = line.encode() + b"\n"
            if random_source.random() < 0.05:
                data += random_source.randbytes(100)
            data = data[: TEXT_BYTES - written]
            written += file.write(data)


def make_rows(folder, words, random_source):
    with open(os.path.join(folder, "rows.sql"), "w") as file:
        for number in range(1, ROWS + 1):
            name = random_source.choice(words) + str(random_source.randrange(10_000))
            amount = random_source.randrange(1_000_000)
            file.write(f"INSERT INTO item VALUES({number},'{name}',{amount},{amount / 7:.6f});\n")


def make_tree(folder, words, random_source):
    for folder_number in range(FOLDERS):
        place = os.path.join(folder, "tree", f"part{folder_number:02}")
        os.makedirs(place)
        for file_number in range(FILES_A_FOLDER):
            lines = [" ".join(random_source.choices(words, k=8)) for _ in range(random_source.randint(5, 120))]
            with open(os.path.join(place, f"file{file_number:02}.txt"), "w") as file:
                file.write("\n".join(lines) + "\n")


HEAD = """\
/* Made by make-data.py: code of many kinds for a compiler to chew on. Every part adds to one checksum. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef PARTS
#define PARTS %d
#endif
static uint64_t state = 0x9e3779b97f4a7c15u;
static uint64_t next_random(void) {
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return state;
}
"""

TABLE = """\
struct entry@ { struct entry@ *next; uint32_t key; uint32_t count; char name[24]; };
static struct entry@ *table@[$A];
static struct entry@ *find@(uint32_t key) {
  for (struct entry@ *entry = table@[key % $A]; entry != NULL; entry = entry->next)
    if (entry->key == key) return entry;
  struct entry@ *made = calloc(1, sizeof *made);
  made->key = key;
  snprintf(made->name, sizeof made->name, "entry-%u", (unsigned)key);
  made->next = table@[key % $A];
  return table@[key % $A] = made;
}
static uint64_t tables@(void) {
  uint64_t sum = 0;
  for (int i = 0; i < $B; i++) find@((uint32_t)(next_random() % $C))->count += i;
  for (int slot = 0; slot < $A; slot++)
    for (struct entry@ *entry = table@[slot]; entry != NULL; entry = entry->next)
      sum = sum * 31 + entry->count + strlen(entry->name);
  return sum;
}
"""

MATRIX = """\
static double left@[$D][$D], right@[$D][$D], product@[$D][$D];
static uint64_t matrices@(void) {
  for (int row = 0; row < $D; row++)
    for (int column = 0; column < $D; column++) {
      left@[row][column] = (double)(next_random() % 1000) / $A;
      right@[row][column] = (double)(next_random() % 1000) / $B;
    }
  for (int row = 0; row < $D; row++)
    for (int column = 0; column < $D; column++) {
      double sum = 0;
      for (int i = 0; i < $D; i++) sum += left@[row][i] * right@[i][column];
      product@[row][column] = sum;
    }
  double trace = 0;
  for (int i = 0; i < $D; i++) trace += product@[i][i] / (1 + i);
  uint64_t bits;
  memcpy(&bits, &trace, sizeof bits);
  return bits;
}
"""

SORT = """\
struct record@ { int64_t weight; uint16_t kind; uint8_t flags; char tag[5]; };
static int compare@(const void *a, const void *b) {
  const struct record@ *left = a, *right = b;
  if (left->kind != right->kind) return left->kind < right->kind ? -1 : 1;
  if (left->weight != right->weight) return left->weight < right->weight ? -1 : 1;
  return memcmp(left->tag, right->tag, sizeof left->tag);
}
static uint64_t sorts@(void) {
  static struct record@ records[$B];
  for (int i = 0; i < $B; i++) {
    uint64_t bits = next_random();
    records[i] = (struct record@){ (int64_t)(bits >> 3) % $C, bits % $K, bits >> 40 & 0xff, { 0 } };
    for (int j = 0; j < 4; j++) records[i].tag[j] = 'a' + (bits >> (8 * j)) % 26;
  }
  qsort(records, $B, sizeof records[0], compare@);
  uint64_t sum = 0;
  for (int i = 0; i < $B; i++)
    sum = (sum << 7 | sum >> 57) ^ (uint64_t)records[i].weight ^ records[i].kind << records[i].flags % 17 ^ records[i].tag[i & 3];
  return sum;
}
"""

BITS = """\
static uint64_t bits@(void) {
  uint64_t sum = $C;
  unsigned char buffer[256];
  for (int round = 0; round < $A; round++) {
    for (int i = 0; i < 256; i++) buffer[i] = (unsigned char)(next_random() >> (i & 31));
    for (int i = 0; i < 252; i++) {
      uint32_t word;
      memcpy(&word, buffer + i, 4);
      sum += (uint64_t)__builtin_popcount(word) * __builtin_ctz(word | 1u << $K % 31);
      sum ^= __builtin_bswap32(word) >> (i % 13);
      sum = sum << 5 | sum >> 59;
    }
  }
  return sum;
}
"""


def machine(random_source):
    """A state machine with a switch of many small cases."""
    cases = []
    for number in range(24):
        operation = random_source.choice(["+=", "^=", "-=", "|=", "*="])
        operand = random_source.choice(["input", f"input >> {random_source.randint(1, 9)}", f"{random_source.randrange(3, 999)}u"])
        jump = f"input & {1 << random_source.randint(0, 7)} ? {random_source.randrange(24)} : {random_source.randrange(24)}"
        cases.append(f"    case {number}: sum {operation} {operand}; step = {jump}; break;")
    return "\n".join([
        "static uint64_t machine@(void) {",
        "  uint64_t sum = 1;",
        "  int step = 0;",
        "  for (int i = 0; i < $B; i++) {",
        "    uint32_t input = (uint32_t)next_random();",
        "    switch (step) {",
        *cases,
        "    }",
        "    sum = sum * 6364136223846793005u + step;",
        "  }",
        "  return sum;",
        "}",
        "",
    ])


def make_program(folder, random_source):
    text = HEAD % PARTS
    for part in range(PARTS):
        text += f"#if PARTS > {part}\n"
        for template in [TABLE, MATRIX, SORT, BITS, machine(random_source)]:
            values = {"$A": random_source.randrange(61, 257, 2), "$B": random_source.randrange(2000, 6000),
                      "$C": random_source.randrange(1000, 90_000), "$D": random_source.randrange(20, 48),
                      "$K": random_source.randrange(3, 29)}
            for name, value in values.items():
                template = template.replace(name, str(value))
            text += template.replace("@", str(part))
        text += "#endif\n"
    text += "int main(void) {\n  uint64_t sum = 0;\n"
    for part in range(PARTS):
        text += f"#if PARTS > {part}\n"
        for name in ["tables", "matrices", "sorts", "bits", "machine"]:
            text += f"  sum = (sum << 9 | sum >> 55) + {name}{part}();\n"
        text += "#endif\n"
    text += '  printf("%016llx\\n", (unsigned long long)sum);\n  return 0;\n}\n'
    with open(os.path.join(folder, "program.c"), "w") as file:
        file.write(text)


def main():
    folder = sys.argv[1]
    os.makedirs(folder)
    random_source = random.Random(20_240_101)
    words = make_words(random_source, 5000)
    make_text(folder, words, random_source)
    make_rows(folder, words, random_source)
    make_tree(folder, words, random_source)
    make_program(folder, random_source)


main()
