/* File requests in the child: stat, list, mkdir, remove, rename, symlink, change, sync. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "user.h"
#include "work.h"

static const int64_t SECOND_NS = 1000000000;

static bool put_entry(struct queue *to, const struct stat *info, const char *name, const char *target) {
  int64_t modified = info->st_mtim.tv_sec * SECOND_NS + info->st_mtim.tv_nsec;
  return put_u32(to, info->st_mode) && put_u32(to, info->st_uid) && put_u32(to, info->st_gid) &&
         put_u32(to, info->st_nlink) && put_u64(to, info->st_size) && put_u64(to, modified) && put_string(to, name) &&
         put_string(to, target);
}

/* The target of a symbolic link, "" for anything else. */
static void read_target(int directory, const char *name, const struct stat *info, char target[PATH_MAX]) {
  ssize_t length = S_ISLNK(info->st_mode) ? readlinkat(directory, name, target, PATH_MAX - 1) : 0;
  target[length > 0 ? length : 0] = 0;
}

void work_stat(int report, const void *file_request) {
  const struct file_request *request = file_request;
  struct stat info;
  char target[PATH_MAX];
  bool follow = request->flags & 1;
  if (fstatat(AT_FDCWD, request->path, &info, follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
    report_failed(report, STAGE_FILE, errno, request->path);
  read_target(AT_FDCWD, request->path, &info, target);
  struct queue entry = {0};
  if (!put_entry(&entry, &info, "", target)) report_failed(report, STAGE_RESOURCES, ENOMEM, request->path);
  report_done(report, queue_front(&entry), entry.length);
}

/* Each entry is one write to the pipe; the agent reads whole frames of the stream at any boundary, the host joins them. */
static void list_entries(int report, const char *path, DIR *directory) {
  struct dirent *item;
  while ((errno = 0, item = readdir(directory))) {
    if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0) continue;
    struct stat info;
    char target[PATH_MAX];
    if (fstatat(dirfd(directory), item->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue; /* gone meanwhile */
    read_target(dirfd(directory), item->d_name, &info, target);
    struct queue entry = {0};
    if (!put_entry(&entry, &info, item->d_name, target)) report_failed(report, STAGE_RESOURCES, ENOMEM, path);
    if (!write_all(STDOUT_FILENO, queue_front(&entry), entry.length)) _exit(1);
    queue_free(&entry);
  }
  if (errno) report_failed(report, STAGE_FILE, errno, path);
}

void work_list(int report, const void *file_request) {
  const struct file_request *request = file_request;
  DIR *directory = opendir(request->path);
  if (!directory) report_failed(report, STAGE_FILE, errno, request->path);
  list_entries(report, request->path, directory);
  report_done(report, NULL, 0);
}

int make_parents(const char *path) {
  char copy[PATH_MAX];
  if (snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (char *slash = strchr(copy + 1, '/'); *copy && slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(copy, 0755) != 0 && errno != EEXIST) return -1;
    *slash = '/';
  }
  return 0;
}

void resolve_owner(int report, const char *owner, uint32_t *uid, uint32_t *gid) {
  struct user user;
  if (!user_find(owner, &user)) report_failed(report, STAGE_USER, errno, owner);
  *uid = user.uid;
  *gid = user.gid;
}

static bool is_directory(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

void work_mkdir(int report, const void *file_request) {
  const struct file_request *request = file_request;
  bool parents = request->flags & 1;
  uint32_t uid, gid;
  resolve_owner(report, request->owner, &uid, &gid);
  if (parents && make_parents(request->path) != 0) report_failed(report, STAGE_FILE, errno, request->path);
  if (mkdir(request->path, 0700) != 0) {
    int error = errno;
    if (parents && error == EEXIST && is_directory(request->path)) report_done(report, NULL, 0);
    report_failed(report, STAGE_FILE, error, request->path);
  }
  if ((*request->owner && chown(request->path, uid, gid) != 0) || chmod(request->path, request->mode & 07777) != 0)
    report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, NULL, 0);
}

static int remove_at(int directory, const char *name, bool recursive);

/* Empties a directory. Depth is bounded by descriptors (one a level): deeper trees fail with EMFILE. */
static int remove_inside(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (!directory) return -1;
  int result = 0;
  struct dirent *item;
  while (result == 0 && (item = readdir(directory)))
    if (strcmp(item->d_name, ".") != 0 && strcmp(item->d_name, "..") != 0) result = remove_at(fd, item->d_name, true);
  int error = errno;
  closedir(directory);
  errno = error;
  return result;
}

static int remove_at(int directory, const char *name, bool recursive) {
  if (unlinkat(directory, name, 0) == 0) return 0;
  if (errno != EISDIR && errno != EPERM) return -1;
  if (unlinkat(directory, name, AT_REMOVEDIR) == 0) return 0;
  if (!recursive || (errno != ENOTEMPTY && errno != EEXIST)) return -1;
  if (remove_inside(directory, name) != 0) return -1;
  return unlinkat(directory, name, AT_REMOVEDIR);
}

void work_remove(int report, const void *file_request) {
  const struct file_request *request = file_request;
  if (remove_at(AT_FDCWD, request->path, request->flags & 1) != 0 && !(errno == ENOENT && (request->flags & 2)))
    report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, NULL, 0);
}

void work_rename(int report, const void *file_request) {
  const struct file_request *request = file_request;
  if (rename(request->path, request->other) != 0) report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, NULL, 0);
}

void work_symlink(int report, const void *file_request) {
  const struct file_request *request = file_request;
  if (symlink(request->other, request->path) != 0) report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, NULL, 0);
}

/* The owner first: changing it may clear set-uid bits of the mode. */
void work_change(int report, const void *file_request) {
  const struct file_request *request = file_request;
  struct timespec times[2] = {
      {.tv_nsec = UTIME_OMIT}, {.tv_sec = request->time_ns / SECOND_NS, .tv_nsec = request->time_ns % SECOND_NS}};
  if (times[1].tv_nsec < 0) {
    times[1].tv_nsec += SECOND_NS;
    times[1].tv_sec--;
  }
  uint32_t uid, gid;
  resolve_owner(report, request->owner, &uid, &gid);
  if (((request->flags & CHANGE_OWNER) && lchown(request->path, uid, gid) != 0) ||
      ((request->flags & CHANGE_MODE) && chmod(request->path, request->mode & 07777) != 0) ||
      ((request->flags & CHANGE_TIME) && utimensat(AT_FDCWD, request->path, times, AT_SYMLINK_NOFOLLOW) != 0))
    report_failed(report, STAGE_FILE, errno, request->path);
  report_done(report, NULL, 0);
}

void work_sync(int report, const void *nothing) {
  (void)nothing;
  sync();
  report_done(report, NULL, 0);
}
