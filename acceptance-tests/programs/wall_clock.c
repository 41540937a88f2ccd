/* The wall clock of one program, which jumps when a number in a file does: preloaded into everything, and asleep in all programs but
   PROGRAM. OFFSET_FILE holds the seconds that are added to the time of the machine, a 64-bit integer of this machine. Clocks that
   count from the start of the machine are left alone, as somebody who sets the time leaves them.

   cc -shared -fPIC -O2 -DPROGRAM='"broker-runtime"' -DOFFSET_FILE='"/path"' -o wall_clock.so wall_clock.c */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *offset;

__attribute__((constructor)) static void open_offset(void) {
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length < 0) {
        return;
    }
    path[length] = 0;
    const char *name = strrchr(path, '/');
    if (name == NULL || strcmp(name + 1, PROGRAM) != 0) {
        return;
    }
    int file = open(OFFSET_FILE, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return;
    }
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (mapped != MAP_FAILED) {
        offset = mapped;
    }
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        now->tv_sec += *offset;
    }
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec precise;
    if (clock_gettime(CLOCK_REALTIME, &precise) != 0) {
        return -1;
    }
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *kept) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    if (kept != NULL) {
        *kept = now.tv_sec;
    }
    return now.tv_sec;
}
