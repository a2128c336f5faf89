/* Reading and writing the protocol's little-endian fields, and a growing byte queue. The CPU is little-endian too. */
#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void take(struct reader *from, void *to, size_t size) {
  if (from->bad || from->left < size) {
    from->bad = true;
    memset(to, 0, size);
    return;
  }
  memcpy(to, from->at, size);
  from->at += size;
  from->left -= size;
}

uint16_t take_u16(struct reader *from) {
  uint16_t value;
  take(from, &value, sizeof value);
  return value;
}

uint32_t take_u32(struct reader *from) {
  uint32_t value;
  take(from, &value, sizeof value);
  return value;
}

uint64_t take_u64(struct reader *from) {
  uint64_t value;
  take(from, &value, sizeof value);
  return value;
}

const char *take_string(struct reader *from) {
  uint32_t length = take_u32(from);
  if (from->bad || length > from->left || memchr(from->at, 0, length)) {
    from->bad = true;
    return "";
  }
  char *copy = from->strings;
  memcpy(copy, from->at, length);
  copy[length] = 0;
  from->strings += length + 1;
  from->at += length;
  from->left -= length;
  return copy;
}

uint8_t *queue_room(struct queue *queue, size_t size) {
  if (queue->start + queue->length + size <= queue->capacity) return queue->data + queue->start + queue->length;
  if (queue->start > 0) {
    memmove(queue->data, queue->data + queue->start, queue->length);
    queue->start = 0;
  }
  if (queue->length + size > queue->capacity) {
    size_t capacity = queue->capacity ? queue->capacity : 256;
    while (capacity < queue->length + size) capacity *= 2;
    uint8_t *data = realloc(queue->data, capacity);
    if (!data) return NULL;
    queue->data = data;
    queue->capacity = capacity;
  }
  return queue->data + queue->length;
}

void queue_added(struct queue *queue, size_t size) { queue->length += size; }

const uint8_t *queue_front(const struct queue *queue) { return queue->data + queue->start; }

void queue_taken(struct queue *queue, size_t size) {
  queue->start += size;
  queue->length -= size;
  if (queue->length == 0) queue_free(queue);
}

/* An idle queue gives its memory back: most streams are idle most of the time. */
void queue_free(struct queue *queue) {
  free(queue->data);
  memset(queue, 0, sizeof *queue);
}

bool put_bytes(struct queue *to, const void *bytes, size_t size) {
  if (size == 0) return true;
  uint8_t *room = queue_room(to, size);
  if (!room) return false;
  memcpy(room, bytes, size);
  queue_added(to, size);
  return true;
}

bool put_u8(struct queue *to, uint8_t value) { return put_bytes(to, &value, sizeof value); }
bool put_u16(struct queue *to, uint16_t value) { return put_bytes(to, &value, sizeof value); }
bool put_u32(struct queue *to, uint32_t value) { return put_bytes(to, &value, sizeof value); }
bool put_u64(struct queue *to, uint64_t value) { return put_bytes(to, &value, sizeof value); }

bool put_string(struct queue *to, const char *text) {
  size_t length = strlen(text);
  return put_u32(to, length) && put_bytes(to, text, length);
}

bool write_all(int fd, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  while (size > 0) {
    ssize_t written = write(fd, at, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    size -= written;
  }
  return true;
}
