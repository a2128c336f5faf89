/* Requests after decoding, and the functions that serve them in a child process. */
#ifndef HEARTH_WORK_H
#define HEARTH_WORK_H

#include <stddef.h>
#include <stdint.h>

/* One structure for all file requests; each uses the fields its payload has. */
struct file_request {
  const char *path;
  const char *other; /* RENAME's and SYMLINK's second string */
  const char *owner;
  uint64_t offset;
  uint64_t most;
  int64_t time_ns;
  uint32_t mode;
  uint32_t flags;
};

struct exec_request {
  uint32_t flags;
  uint16_t rows, columns;
  const char *user;
  const char *directory;
  char **arguments;   /* NULL-terminated, at least one */
  char **environment; /* NULL-terminated */
};

/* program.c */
void run_program(int report, const void *exec_request);

/* transfer.c: READ and WRITE */
void work_read(int report, const void *file_request);
void work_write(int report, const void *file_request);

/* files.c: the rest, and what transfer.c shares */
void work_stat(int report, const void *file_request);
void work_list(int report, const void *file_request);
void work_mkdir(int report, const void *file_request);
void work_remove(int report, const void *file_request);
void work_rename(int report, const void *file_request);
void work_symlink(int report, const void *file_request);
void work_change(int report, const void *file_request);
void work_sync(int report, const void *nothing);
/* Makes the directories above `path`. 0 or -1 with errno set. */
int make_parents(const char *path);
/* Resolves `owner`; reports failure and exits if it is unknown. */
void resolve_owner(int report, const char *owner, uint32_t *uid, uint32_t *gid);

#endif
