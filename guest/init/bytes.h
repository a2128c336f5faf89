/* Reading and writing the protocol's little-endian fields, and a growing byte queue. */
#ifndef HEARTH_BYTES_H
#define HEARTH_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A payload being taken apart. Reading past the end gives zeros and sets `bad`, so that a decoder checks once. */
struct reader {
  const uint8_t *at;
  size_t left;
  bool bad;
  char *strings; /* where take_string puts its NUL-terminated copies: as many bytes as the payload has are enough */
};

uint16_t take_u16(struct reader *from);
uint32_t take_u32(struct reader *from);
uint64_t take_u64(struct reader *from);
/* A string of the protocol, NUL-terminated. One with a NUL inside is bad. */
const char *take_string(struct reader *from);

/* Bytes waiting to go somewhere: added at the end, taken from the front. */
struct queue {
  uint8_t *data;
  size_t start, length, capacity;
};

/* Room for `size` more bytes at the end, or NULL when memory is out; queue_added says how many were used. */
uint8_t *queue_room(struct queue *queue, size_t size);
void queue_added(struct queue *queue, size_t size);
/* The first byte waiting; queue_taken drops `size` bytes from the front. */
const uint8_t *queue_front(const struct queue *queue);
void queue_taken(struct queue *queue, size_t size);
void queue_free(struct queue *queue);

/* Appends a field. False when memory is out. */
bool put_bytes(struct queue *to, const void *bytes, size_t size);
bool put_u8(struct queue *to, uint8_t value);
bool put_u16(struct queue *to, uint16_t value);
bool put_u32(struct queue *to, uint32_t value);
bool put_u64(struct queue *to, uint64_t value);
bool put_string(struct queue *to, const char *text);

/* Writes everything to a blocking descriptor. False on error. */
bool write_all(int fd, const void *bytes, size_t size);

#endif
