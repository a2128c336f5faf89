/* Ctrl-Alt-Del and the power button. The kernel has no virtual terminals, whose keyboard driver would know the
   combination, so it is read from the input devices: event records of linux/input.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "clock.h"

/* The keyboard driver probes in the background; looking later also keeps this out of the way of the first program. */
enum { LOOK_AFTER_MS = 1000 };

enum { TYPE_KEY = 1, KEY_LEFT_CTRL = 29, KEY_LEFT_ALT = 56, KEY_RIGHT_CTRL = 97, KEY_RIGHT_ALT = 100, KEY_DELETE = 111, KEY_POWER = 116 };

struct input_record {
  struct timeval time;
  uint16_t type;
  uint16_t code;
  int32_t value; /* 0 released, 1 pressed, 2 repeated */
};

static int devices[KEY_POLLS];
static unsigned device_count;
static int64_t look_at_ms = -1;
static bool ctrl, alt;

void keys_start(void) { look_at_ms = now_ms() + LOOK_AFTER_MS; }

int keys_timeout_ms(void) {
  return look_at_ms < 0 ? -1 : ms_until(look_at_ms);
}

void keys_look(void) {
  if (look_at_ms < 0 || now_ms() < look_at_ms) return;
  look_at_ms = -1;
  DIR *directory = opendir("/dev/input");
  struct dirent *item;
  while (directory && device_count < KEY_POLLS && (item = readdir(directory))) {
    if (strncmp(item->d_name, "event", 5) != 0) continue;
    int fd = openat(dirfd(directory), item->d_name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0) devices[device_count++] = fd;
  }
  if (directory) closedir(directory);
}

void keys_want(struct pollfd polls[KEY_POLLS]) {
  for (unsigned i = 0; i < KEY_POLLS; i++)
    polls[i] = (struct pollfd){.fd = i < device_count ? devices[i] : -1, .events = POLLIN};
}

/* True if this record asks for the end of the machine. */
static bool take_record(const struct input_record *record) {
  bool down = record->value != 0;
  if (record->type != TYPE_KEY) return false;
  if (record->code == KEY_LEFT_CTRL || record->code == KEY_RIGHT_CTRL) ctrl = down;
  if (record->code == KEY_LEFT_ALT || record->code == KEY_RIGHT_ALT) alt = down;
  return down && (record->code == KEY_POWER || (record->code == KEY_DELETE && ctrl && alt));
}

bool keys_act(const struct pollfd polls[KEY_POLLS]) {
  for (unsigned i = 0; i < device_count; i++) {
    if (!polls[i].revents) continue;
    struct input_record record;
    ssize_t got;
    while ((got = read(devices[i], &record, sizeof record)) == sizeof record)
      if (take_record(&record)) return true;
    if (got >= 0 || errno == EAGAIN) continue;
    close(devices[i]); /* unplugged */
    devices[i--] = devices[--device_count];
    return false; /* the table no longer matches: the rest in the next turn */
  }
  return false;
}
