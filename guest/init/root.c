/* From the initramfs to a root on a block device, with or without an overlay in memory over it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"

enum { WAIT_FOR_DEVICE_MS = 5000, WAIT_STEP_MS = 10, RAMFS_TYPE = 0x858458f6, TMPFS_TYPE = 0x01021994 };

static const char NEW_ROOT[] = "/newroot";

/* Splits mount options into the flags the kernel wants as bits and the rest. */
static unsigned long split_flags(const char *text, char *rest, size_t size) {
  char copy[128];
  unsigned long flags = 0;
  snprintf(copy, sizeof copy, "%s", text);
  rest[0] = 0;
  char *at = copy, *word;
  while ((word = strsep(&at, ","))) {
    if (strcmp(word, "ro") == 0) flags |= MS_RDONLY;
    else if (strcmp(word, "noatime") == 0) flags |= MS_NOATIME;
    else if (strcmp(word, "nosuid") == 0) flags |= MS_NOSUID;
    else if (strcmp(word, "nodev") == 0) flags |= MS_NODEV;
    else if (*word && strcmp(word, "rw") != 0)
      snprintf(rest + strlen(rest), size - strlen(rest), "%s%s", *rest ? "," : "", word);
  }
  return flags;
}

int mount_device(const char *device, const char *directory, const char *type, const char *flags) {
  static const char *const USUAL[] = {"ext4", "squashfs", "erofs"};
  char rest[128];
  unsigned long bits = split_flags(flags, rest, sizeof rest);
  if (*type) return mount(device, directory, type, bits, rest);
  for (size_t i = 0; i < sizeof USUAL / sizeof *USUAL; i++) {
    if (mount(device, directory, USUAL[i], bits, rest) == 0) return 0;
    /* A read-only device under a file system that could write: ask again for reading only. */
    if ((errno == EACCES || errno == EROFS) && mount(device, directory, USUAL[i], bits | MS_RDONLY, rest) == 0) return 0;
    if (errno != EINVAL && errno != ENODEV) return -1;
  }
  return -1;
}

/* Block drivers that are modules or probe in the background show up late. */
static bool wait_for(const char *device) {
  struct stat info;
  for (int waited = 0; stat(device, &info) != 0; waited += WAIT_STEP_MS) {
    if (waited >= WAIT_FOR_DEVICE_MS) return false;
    nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
  }
  return true;
}

static int mount_overlay(const struct options *options) {
  char flags[160];
  mkdir("/lower", 0755);
  mkdir("/upper", 0755);
  snprintf(flags, sizeof flags, "ro,%s", options->root_flags);
  if (mount_device(options->root, "/lower", options->root_type, flags) != 0) return -1;
  if (mount("tmpfs", "/upper", "tmpfs", 0, "mode=755") != 0) return -1;
  mkdir("/upper/data", 0755);
  mkdir("/upper/work", 0755);
  return mount("overlay", NEW_ROOT, "overlay", 0, "lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work");
}

/* Gives the initramfs' memory back. Stays on its device, so nothing that is mounted is touched. */
static void remove_inside(int fd, dev_t device) {
  DIR *directory = fdopendir(fd);
  if (!directory) {
    close(fd);
    return;
  }
  struct dirent *item;
  while ((item = readdir(directory))) {
    struct stat info;
    if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
    if (fstatat(fd, item->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || info.st_dev != device) continue;
    if (!S_ISDIR(info.st_mode)) {
      unlinkat(fd, item->d_name, 0);
      continue;
    }
    int inside = openat(fd, item->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inside >= 0) remove_inside(inside, device);
    unlinkat(fd, item->d_name, AT_REMOVEDIR);
  }
  closedir(directory);
}

static void move_to_new_root(const char *directory) {
  char to[64];
  snprintf(to, sizeof to, "%s%s", NEW_ROOT, directory);
  mkdir(to, 0755);
  if (mount(directory, to, NULL, MS_MOVE, NULL) != 0) say("cannot move %s: %s", directory, strerror(errno));
}

static bool is_initramfs(void) {
  struct statfs info;
  return statfs("/", &info) == 0 && (info.f_type == RAMFS_TYPE || info.f_type == TMPFS_TYPE);
}

bool switch_root(const struct options *options) {
  struct stat old_root;
  if (!is_initramfs()) return true; /* the kernel has mounted root= itself */
  mkdir(NEW_ROOT, 0755);
  if (!wait_for(options->root)) {
    say("no device %s after %d ms", options->root, WAIT_FOR_DEVICE_MS);
    return false;
  }
  int mounted = options->overlay ? mount_overlay(options)
                                 : mount_device(options->root, NEW_ROOT, options->root_type, options->root_flags);
  if (mounted != 0) {
    say("cannot mount %s as root: %s", options->root, strerror(errno));
    return false;
  }
  move_to_new_root("/dev");
  move_to_new_root("/proc");
  int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool known = old >= 0 && fstat(old, &old_root) == 0;
  if (chdir(NEW_ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 || chroot(".") != 0 || chdir("/") != 0) {
    say("cannot change root: %s", strerror(errno));
    return false;
  }
  if (known) remove_inside(old, old_root.st_dev);
  return true;
}
