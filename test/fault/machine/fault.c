// A library that stands between the envelope and the C library (LD_PRELOAD): calls on files of one folder fail when a test says so, and the wall clock
// says what a test says. What is to fail stands in a file that both have mapped, so that it can change while the envelope runs.
// Contract: without an order every call is passed on as it is; each call on the folder is noted as a line in the file of SEALWRIGHT_FAULT_NOTES.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { FAILS = 0, IS_SHORT = 1, IS_SLOW = 2 };

// As `faults.ts` writes it.
struct order {
  int32_t armed, how, error, skip, times, hits;
  int64_t clock_offset_ms;
  char call[32];
  char path[480];
  char folder[512];
};

static volatile struct order *order;
static int notes = -1;

__attribute__((constructor)) static void begin(void) {
  const char *file = getenv("SEALWRIGHT_FAULT");
  if (file == NULL) return;
  int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC, 0);
  void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(struct order), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) abort();
  order = mapped;
  const char *noted = getenv("SEALWRIGHT_FAULT_NOTES");
  if (noted != NULL) notes = syscall(SYS_openat, AT_FDCWD, noted, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

// How the call is to end: FAILS, IS_SHORT, IS_SLOW, or -1 as it is.
static int ordered(const char *call, const char *path) {
  if (order == NULL || path == NULL) return -1;
  size_t length = strlen((const char *)order->folder);
  if (length == 0 || strncmp(path, (const char *)order->folder, length) != 0) return -1;
  const char *below = path + length;
  char line[600];
  int ours = order->armed && strcmp(call, (const char *)order->call) == 0 && fnmatch((const char *)order->path, below, 0) == 0;
  if (ours && __sync_fetch_and_sub(&order->skip, 1) > 0) ours = 0;
  if (ours && order->times >= 0 && __sync_fetch_and_sub(&order->times, 1) <= 0) ours = 0;
  if (notes >= 0) {
    int size = snprintf(line, sizeof line, "%s %s%s\n", call, below, ours ? " !" : "");
    syscall(SYS_write, notes, line, size);
  }
  if (!ours) return -1;
  __sync_fetch_and_add(&order->hits, 1);
  if (order->how == IS_SLOW) {
    struct timespec wait = {3, 0};
    nanosleep(&wait, NULL);
    return -1;
  }
  errno = order->error;
  return order->how;
}

static int ordered_of(const char *call, int fd) {
  if (order == NULL) return -1;
  char link[64], path[1024];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return -1;
  path[size] = 0;
  return ordered(call, path);
}

#define REAL(type, name, ...)                                  \
  static type (*real)(__VA_ARGS__);                            \
  if (real == NULL) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

#define OPEN(name)                                                       \
  int name(const char *path, int flags, ...) {                           \
    REAL(int, #name, const char *, int, ...);                            \
    va_list more;                                                        \
    va_start(more, flags);                                               \
    mode_t mode = va_arg(more, mode_t);                                  \
    va_end(more);                                                        \
    if (ordered(flags & O_CREAT ? "create" : "open", path) == FAILS) return -1; \
    return real(path, flags, mode);                                      \
  }
OPEN(open)
OPEN(open64)

#define WRITE(name, call, arguments, passed, shorter)            \
  ssize_t name arguments {                                       \
    REAL(ssize_t, #name, TYPES_##call);                          \
    int how = ordered_of(#call, fd);                             \
    if (how == FAILS) return -1;                                 \
    if (how == IS_SHORT) size = shorter;                         \
    return real passed;                                          \
  }
#define TYPES_write int, const void *, size_t
#define TYPES_pwrite int, const void *, size_t, off_t
#define TYPES_read int, void *, size_t
#define TYPES_pread int, void *, size_t, off_t
WRITE(write, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), (size + 1) / 2)
WRITE(pwrite, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), (size + 1) / 2)
WRITE(pwrite64, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), (size + 1) / 2)
WRITE(read, read, (int fd, void *bytes, size_t size), (fd, bytes, size), (size + 1) / 2)
WRITE(pread, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at), (size + 1) / 2)
WRITE(pread64, pread, (int fd, void *bytes, size_t size, off_t at), (fd, bytes, size, at), (size + 1) / 2)

#define OF_FILE(name, call)                   \
  int name(int fd) {                          \
    REAL(int, #name, int);                    \
    return ordered_of(#call, fd) == FAILS ? -1 : real(fd); \
  }
OF_FILE(fsync, fsync)
OF_FILE(fdatasync, fdatasync)

#define OF_PATH(name)                         \
  int name(const char *path) {                \
    REAL(int, #name, const char *);           \
    return ordered(#name, path) == FAILS ? -1 : real(path); \
  }
OF_PATH(unlink)
OF_PATH(rmdir)

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  return ordered("mkdir", path) == FAILS ? -1 : real(path, mode);
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  return ordered("rename", to) == FAILS ? -1 : real(from, to);
}

#define TRUNCATE(name)                                                       \
  int name(int fd, off_t size) {                                             \
    REAL(int, #name, int, off_t);                                            \
    return ordered_of("ftruncate", fd) == FAILS ? -1 : real(fd, size);       \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

static int64_t offset_ms(void) { return order == NULL ? 0 : order->clock_offset_ms; }

static int stepped(int answered, struct timespec *time) {
  int64_t ms = offset_ms();
  if (answered != 0 || ms == 0) return answered;
  int64_t ns = time->tv_nsec + (ms % 1000) * 1000000;
  time->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
  time->tv_nsec = (ns + 1000000000) % 1000000000;
  return answered;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  REAL(int, "clock_gettime", clockid_t, struct timespec *);
  int answered = real(clock, time);
  return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? stepped(answered, time) : answered;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  REAL(int, "gettimeofday", struct timeval *, void *);
  int answered = real(time, zone);
  struct timespec exact = {time->tv_sec, time->tv_usec * 1000};
  answered = stepped(answered, &exact);
  time->tv_sec = exact.tv_sec;
  time->tv_usec = exact.tv_nsec / 1000;
  return answered;
}

time_t time(time_t *at) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (at != NULL) *at = now.tv_sec;
  return now.tv_sec;
}
