/*
 * Loaded into PostgreSQL or the server by LD_PRELOAD, it makes faults that hardware makes.
 *
 * A power cut: SYNCED_FROM is a folder, and SYNCED_TO a copy of it that has only what was synced. Each fsync and fdatasync
 * of a file below the first copies it to the second; renaming and deleting happen in both. What was written and not synced
 * is missing in the copy, as on a disk after a power cut.
 *
 * A clock that jumps: CLOCK_FILE holds a number of seconds, as 8 bytes, that is added to the time of day at each call. The
 * monotonic clock goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 20 };

/* A fault of this program must not look like one of what is tested. */
static void fail(const char *what, const char *path) {
    fprintf(stderr, "faults.c: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

/* The place of a path in the copy; 0 if it is not below SYNCED_FROM. */
static int copy_of(const char *path, char copy[PATH_MAX]) {
    const char *from = getenv("SYNCED_FROM"), *to = getenv("SYNCED_TO");
    char absolute[PATH_MAX];
    if (from == NULL || to == NULL) {
        return 0;
    }
    if (path[0] != '/') {
        char cwd[PATH_MAX];
        if (getcwd(cwd, sizeof cwd) == NULL
            || snprintf(absolute, sizeof absolute, "%s/%s", cwd, path) >= (int) sizeof absolute) {
            return 0;
        }
        path = absolute;
    }
    size_t length = strlen(from);
    return strncmp(path, from, length) == 0 && path[length] == '/'
        && snprintf(copy, PATH_MAX, "%s%s", to, path + length) < PATH_MAX;
}

static void make_parents(char *path) {
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            fail("mkdir", path);
        }
        *slash = '/';
    }
}

static void copy_file(const char *open_file, char *copy) {
    char *block = malloc(BLOCK); /* as a variable of the thread, Java's threads would lack the room for it */
    if (block == NULL) {
        fail("malloc", copy);
    }
    int from = open(open_file, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        fail("open", open_file);
    }
    make_parents(copy);
    int to = open(copy, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    /* Two processes sync the same file: who read earlier must not write later. */
    if (to < 0 || flock(to, LOCK_EX) != 0) {
        fail("open", copy);
    }
    off_t at = 0;
    for (;;) {
        ssize_t count = pread(from, block, BLOCK, at);
        if (count < 0) {
            fail("read", open_file);
        }
        if (count == 0) {
            break;
        }
        if (pwrite(to, block, (size_t) count, at) != count) {
            fail("write", copy);
        }
        at += count;
    }
    if (ftruncate(to, at) != 0) {
        fail("truncate", copy);
    }
    close(to);
    close(from);
    free(block);
}

static void synced(int fd) {
    char open_file[64], path[PATH_MAX], copy[PATH_MAX];
    struct stat status;
    int saved = errno;
    snprintf(open_file, sizeof open_file, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(open_file, path, sizeof path - 1);
    if (length > 0 && fstat(fd, &status) == 0 && status.st_nlink > 0) {
        path[length] = 0;
        if (copy_of(path, copy)) {
            if (S_ISREG(status.st_mode)) {
                copy_file(open_file, copy);
            } else if (S_ISDIR(status.st_mode)) {
                make_parents(copy);
                mkdir(copy, 0700);
            }
        }
    }
    errno = saved;
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

int fsync(int fd) {
    int result = REAL(fsync)(fd);
    if (result == 0) {
        synced(fd);
    }
    return result;
}

int fdatasync(int fd) {
    int result = REAL(fdatasync)(fd);
    if (result == 0) {
        synced(fd);
    }
    return result;
}

int rename(const char *old, const char *new) {
    char copy_old[PATH_MAX], copy_new[PATH_MAX];
    int result = REAL(rename)(old, new);
    if (result == 0 && copy_of(old, copy_old) && copy_of(new, copy_new)) {
        REAL(rename)(copy_old, copy_new); /* which is absent if it was never synced */
    }
    return result;
}

int unlink(const char *path) {
    char copy[PATH_MAX];
    int result = REAL(unlink)(path);
    if (result == 0 && copy_of(path, copy)) {
        int saved = errno;
        REAL(unlink)(copy);
        errno = saved;
    }
    return result;
}

static int64_t jump(void) {
    static const int64_t *volatile offset;
    if (offset == NULL) {
        static const int64_t none;
        const char *path = getenv("CLOCK_FILE");
        const int64_t *mapped = &none;
        if (path != NULL) {
            int fd = open(path, O_RDONLY | O_CLOEXEC);
            void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
            if (memory == MAP_FAILED) {
                fail("map", path);
            }
            close(fd);
            mapped = memory;
        }
        offset = mapped;
    }
    return *(const volatile int64_t *) offset;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = REAL(clock_gettime)(clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += jump();
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int result = REAL(gettimeofday)(now, zone);
    if (result == 0) {
        now->tv_sec += jump();
    }
    return result;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into != NULL) {
        *into = now.tv_sec;
    }
    return now.tv_sec;
}
