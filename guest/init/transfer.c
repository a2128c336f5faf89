/* READ and WRITE in the child: a file's bytes to standard output, or from standard input. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "work.h"

static uint8_t chunk[65536];

void work_read(int report, const void *file_request) {
  const struct file_request *request = file_request;
  int fd = open(request->path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) report_failed(report, STAGE_FILE, errno, request->path);
  if (request->offset && lseek(fd, request->offset, SEEK_SET) < 0) report_failed(report, STAGE_FILE, errno, request->path);
  uint64_t left = request->most;
  while (left > 0) {
    ssize_t got = read(fd, chunk, left < sizeof chunk ? left : sizeof chunk);
    if (got < 0) report_failed(report, STAGE_FILE, errno, request->path);
    if (got == 0) break;
    if (!write_all(STDOUT_FILENO, chunk, got)) _exit(1); /* nobody listens any more */
    left -= got;
  }
  report_done(report, NULL, 0);
}

static int open_target(int report, const struct file_request *request) {
  uint32_t flags = request->flags;
  int how = O_WRONLY | O_CLOEXEC | O_NOCTTY;
  if (flags & WRITE_CREATE) how |= O_CREAT;
  if (flags & WRITE_TRUNCATE) how |= O_TRUNC;
  if (flags & WRITE_APPEND) how |= O_APPEND;
  uint32_t uid, gid;
  resolve_owner(report, request->owner, &uid, &gid);
  if ((flags & WRITE_PARENTS) && make_parents(request->path) != 0) report_failed(report, STAGE_FILE, errno, request->path);

  /* Exclusively first: only a file that is new gets mode and owner. */
  int fd = flags & WRITE_CREATE ? open(request->path, how | O_EXCL, 0600) : -1;
  bool created = fd >= 0;
  if (!created && (!(flags & WRITE_CREATE) || (errno == EEXIST && !(flags & WRITE_EXCLUSIVE))))
    fd = open(request->path, how & ~O_CREAT);
  if (fd < 0) report_failed(report, STAGE_FILE, errno, request->path);
  if (created && ((*request->owner && fchown(fd, uid, gid) != 0) || fchmod(fd, request->mode & 07777) != 0))
    report_failed(report, STAGE_FILE, errno, request->path);
  return fd;
}

void work_write(int report, const void *file_request) {
  const struct file_request *request = file_request;
  int fd = open_target(report, request);
  if (request->offset && lseek(fd, request->offset, SEEK_SET) < 0) report_failed(report, STAGE_FILE, errno, request->path);
  uint64_t written = 0;
  ssize_t got;
  while ((got = read(STDIN_FILENO, chunk, sizeof chunk)) > 0) {
    if (!write_all(fd, chunk, got)) report_failed(report, STAGE_FILE, errno, request->path);
    written += got;
  }
  if (((request->flags & WRITE_SYNC) && fsync(fd) != 0) || close(fd) != 0)
    report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, &written, sizeof written);
}
