/*
 * The C half of bench/agent-cost: what the agent is compared with, and what it is measured with.
 *
 *   agent-cost read CGROUP-ROOT SECONDS   reads, each so many seconds, what the agent reads; formats and sends nothing
 *   agent-cost sink FILE                  a service that takes everything; writes its port into the file
 *   agent-cost cpu PID                    nanoseconds of CPU that a process has used, ended threads included
 *   agent-cost nudge FILE COUNT           changes a file 100 times a second, as the kernel at most tells of memory.events
 *   agent-cost press CGROUP FILE SECONDS  lives in a cgroup at its memory limit, by reading a larger file again and again
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_JOBS 1000
#define MAX_CLIENTS 8
#define REQUEST_BYTES (1 << 21)

/* cgroup/Source.java, and what cgroup/JobCgroup.java reads beside it. */
static const char *const job_files[] = {
    "cgroup.events", "cpu.stat", "cpu.pressure", "memory.current", "memory.stat", "memory.swap.current",
    "memory.peak", "memory.max", "memory.pressure", "memory.events", "pids.current", "io.stat", "io.pressure",
    "cpuset.cpus", "cpuset.cpus.effective"};
static const char *const proc_files[] = {"/proc/stat", "/proc/meminfo", "/proc/loadavg"};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static char text[64 * 1024];

static void pause_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* --- read -------------------------------------------------------------------------------------------------------- */

static int job_fds[MAX_JOBS][COUNT(job_files)];
static int proc_fds[COUNT(proc_files)];

static int open_jobs(const char *scope)
{
    DIR *folder = opendir(scope);
    if (folder == NULL)
        err(1, "%s", scope);
    int jobs = 0;
    for (struct dirent *entry; jobs < MAX_JOBS && (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, "job_", 4) != 0)
            continue;
        for (size_t i = 0; i < COUNT(job_files); i++) {
            char path[512];
            snprintf(path, sizeof path, "%s/%s", entry->d_name, job_files[i]);
            job_fds[jobs][i] = openat(dirfd(folder), path, O_RDONLY | O_CLOEXEC);
        }
        jobs++;
    }
    closedir(folder);
    return jobs;
}

static void look_for_jobs(const char *scope)
{
    DIR *folder = opendir(scope);
    struct stat is;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        fstatat(dirfd(folder), entry->d_name, &is, AT_SYMLINK_NOFOLLOW);
    if (folder != NULL)
        closedir(folder);
}

static void read_jobs(const char *root, int interval)
{
    char scope[4096];
    snprintf(scope, sizeof scope, "%s/system.slice/slurmstepd.scope", root);
    int jobs = open_jobs(scope);
    for (size_t i = 0; i < COUNT(proc_files); i++)
        proc_fds[i] = open(proc_files[i], O_RDONLY | O_CLOEXEC);
    for (;;) {
        pause_ms(interval * 1000L);
        look_for_jobs(scope);
        for (int job = 0; job < jobs; job++)
            for (size_t i = 0; i < COUNT(job_files); i++)
                if (job_fds[job][i] >= 0 && pread(job_fds[job][i], text, sizeof text, 0) < 0)
                    err(1, "%s", job_files[i]);
        for (size_t i = 0; i < COUNT(proc_files); i++)
            if (pread(proc_fds[i], text, sizeof text, 0) < 0)
                err(1, "%s", proc_files[i]);
    }
}

/* --- sink -------------------------------------------------------------------------------------------------------- */

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 46\r\n\r\n"
                             "{\"status\":\"stored\",\"version\":1,\"refused\":[]  }";

struct client {
    char request[REQUEST_BYTES];
    size_t length;
};

/* Answers a request that is there in full. False if the client has gone. */
static int serve(int fd, struct client *client)
{
    ssize_t got = read(fd, client->request + client->length, sizeof client->request - client->length - 1);
    if (got <= 0)
        return 0;
    client->length += got;
    client->request[client->length] = '\0';
    char *end = strstr(client->request, "\r\n\r\n");
    char *length = strcasestr(client->request, "\r\nContent-Length:");
    if (end == NULL)
        return 1;
    size_t whole = end + 4 - client->request + (length == NULL ? 0 : atol(length + 17));
    if (client->length < whole)
        return 1;
    client->length = 0;
    return write(fd, answer, sizeof answer - 1) == sizeof answer - 1;
}

static void sink(const char *port_file)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    struct pollfd fds[1 + MAX_CLIENTS] = {{socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0}};
    static struct client clients[1 + MAX_CLIENTS];
    if (bind(fds[0].fd, (struct sockaddr *)&address, size) < 0 || listen(fds[0].fd, 8) < 0
        || getsockname(fds[0].fd, (struct sockaddr *)&address, &size) < 0)
        err(1, "127.0.0.1");
    FILE *file = fopen(port_file, "w");
    if (file == NULL || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) != 0)
        err(1, "%s", port_file);
    for (int i = 1; i <= MAX_CLIENTS; i++)
        fds[i] = (struct pollfd){-1, POLLIN, 0};
    for (;;) {
        if (poll(fds, COUNT(fds), -1) < 0)
            err(1, "poll");
        for (int i = 1; i <= MAX_CLIENTS; i++) {
            if (fds[i].fd >= 0 && fds[i].revents != 0 && !serve(fds[i].fd, &clients[i])) {
                close(fds[i].fd);
                fds[i].fd = -1;
            }
        }
        for (int i = 1; i <= MAX_CLIENTS && fds[0].revents != 0; i++) {
            if (fds[i].fd < 0) {
                fds[i].fd = accept(fds[0].fd, NULL, NULL);
                clients[i].length = 0;
                break;
            }
        }
    }
}

/* --- cpu, nudge, press --------------------------------------------------------------------------------------------- */

static void cpu(pid_t pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) < 0)
        err(1, "process %d", pid);
    printf("%lld\n", used.tv_sec * 1000000000LL + used.tv_nsec);
}

static void nudge(const char *path, int count)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0)
        err(1, "%s", path);
    for (int i = 0; i < count; i++) {
        char counters[128];
        int length = snprintf(counters, sizeof counters, "low 0\nhigh 0\nmax %d\noom 0\noom_kill 0\noom_group_kill 0\n", i);
        if (pwrite(fd, counters, length, 0) < 0)
            err(1, "%s", path);
        pause_ms(10);
    }
}

static void press(const char *cgroup, const char *path, int seconds)
{
    char procs[4096];
    snprintf(procs, sizeof procs, "%s/cgroup.procs", cgroup);
    FILE *file = fopen(procs, "w");
    if (file == NULL || fprintf(file, "%d\n", getpid()) < 0 || fclose(file) != 0)
        err(1, "%s", procs);
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        err(1, "%s", path);
    off_t at = 0;
    for (time_t end = time(NULL) + seconds; time(NULL) < end;) {
        ssize_t got = pread(fd, text, sizeof text, at);
        at = got <= 0 ? 0 : at + got;
        pause_ms(1);
    }
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "read") == 0 && argc == 4)
        read_jobs(argv[2], atoi(argv[3]));
    else if (strcmp(mode, "sink") == 0 && argc == 3)
        sink(argv[2]);
    else if (strcmp(mode, "cpu") == 0 && argc == 3)
        cpu(atoi(argv[2]));
    else if (strcmp(mode, "nudge") == 0 && argc == 4)
        nudge(argv[2], atoi(argv[3]));
    else if (strcmp(mode, "press") == 0 && argc == 5)
        press(argv[2], argv[3], atoi(argv[4]));
    else
        errx(2, "see the top of bench/agent-cost.c");
    return 0;
}
