/* jack_meter: records two ports of a JACK graph frame by frame, sends UDP packets meanwhile, and
 * writes down when everything happened. It judges nothing; the caller does.
 *
 *   jack_meter NAME SECONDS PORT0 PORT1 OUT [UDP_PORT PACKET_HEX COUNT MIN_MS MAX_MS FIRST]
 *
 * Prints "ready" once it records. Leaves three files of native numbers:
 *   OUT.f32     float32 [frames, 2], interleaved
 *   OUT.cycles  double [cycles, 2]: index of the cycle's first frame, monotonic time of its start
 *   OUT.sent    double [packets]: monotonic time just before each packet went out
 * and prints "frames=… xruns=… skipped=…": xruns that JACK reported, frames its clock jumped over.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <jack/jack.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GOLDEN_SECTION 0.6180339887498949
enum { MAX_PACKET_BYTES = 1024, SETTLE_US = 300000 };

static jack_client_t *client;
static jack_port_t *ports[2];
static float *frames;
static double *cycles;
static size_t capacity_frames, capacity_cycles;
static atomic_size_t frame_count, cycle_count;
static atomic_long xrun_count, skipped_frames;
static jack_nframes_t expected_frame;
static int has_expected_frame;

static double now_s(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static void sleep_until(double due_s) {
    struct timespec due = {.tv_sec = (time_t)due_s, .tv_nsec = (long)(1e9 * (due_s - (time_t)due_s))};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL))
        ;
}

/* When the newest cycle began. */
static double newest_cycle_s(void) {
    size_t count = atomic_load(&cycle_count);
    return count ? cycles[2 * count - 1] : now_s();
}

static int on_cycle(jack_nframes_t count, void *unused) {
    (void)unused;
    jack_nframes_t frame;
    jack_time_t begun_us, next_us;
    float period_us;
    /* When the server began, not when our turn came: programs before us took some of the cycle.
     * Its clock may be another one than ours, so its age is taken. */
    if (jack_get_cycle_times(client, &frame, &begun_us, &next_us, &period_us))
        return 0;
    double begun_s = now_s() - ((double)jack_get_time() - (double)begun_us) * 1e-6;
    if (has_expected_frame && frame != expected_frame)
        atomic_fetch_add(&skipped_frames, (int)(frame - expected_frame));
    has_expected_frame = 1;
    expected_frame = frame + count;
    size_t first = atomic_load(&frame_count), cycle = atomic_load(&cycle_count);
    if (first + count > capacity_frames || cycle >= capacity_cycles)
        return 0;
    const float *left = jack_port_get_buffer(ports[0], count);
    const float *right = jack_port_get_buffer(ports[1], count);
    for (jack_nframes_t i = 0; i < count; i++) {
        frames[2 * (first + i)] = left[i];
        frames[2 * (first + i) + 1] = right[i];
    }
    cycles[2 * cycle] = (double)first;
    cycles[2 * cycle + 1] = begun_s;
    atomic_store(&cycle_count, cycle + 1);
    atomic_store(&frame_count, first + count);
    return 0;
}

static int on_xrun(void *unused) {
    (void)unused;
    atomic_fetch_add(&xrun_count, 1);
    return 0;
}

static void fail(const char *what, const char *which) {
    fprintf(stderr, "jack_meter: %s %s\n", what, which);
    exit(1);
}

static void connect_to(const char *name, char **sources) {
    client = jack_client_open(name, JackNoStartServer, NULL);
    if (!client)
        fail("no JACK server", "");
    for (int i = 0; i < 2; i++)
        ports[i] = jack_port_register(client, i ? "in_1" : "in_0", JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
    jack_set_process_callback(client, on_cycle, NULL);
    jack_set_xrun_callback(client, on_xrun, NULL);
    if (jack_activate(client))
        fail("cannot activate", name);
    for (int i = 0; i < 2; i++)
        if (jack_connect(client, sources[i], jack_port_name(ports[i])))
            fail("cannot connect to", sources[i]);
}

static size_t parse_hex(const char *text, unsigned char *bytes) {
    size_t count = strlen(text) / 2;
    if (count > MAX_PACKET_BYTES)
        fail("packet too long:", text);
    for (size_t i = 0; i < count; i++)
        sscanf(text + 2 * i, "%2hhx", bytes + i);
    return count;
}

/* Sends COUNT packets, each about MIN_MS to MAX_MS after the one before; writes down when.
 * Packet i goes out at the place i × golden section of a block, whole blocks aside, from FIRST on:
 * however many they are, their places cover the block evenly. Which block, is random. */
static size_t send_packets(char **args, double *sent_s) {
    unsigned char packet[MAX_PACKET_BYTES];
    size_t bytes = parse_hex(args[1], packet);
    int count = atoi(args[2]);
    double min_s = 1e-3 * atof(args[3]), max_s = 1e-3 * atof(args[4]);
    double block_s = (double)jack_get_buffer_size(client) / jack_get_sample_rate(client);
    int first = atoi(args[5]);
    srand48(first);
    int peer = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(args[0]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        long blocks = (long)((min_s + drand48() * (max_s - min_s)) / block_s);
        double place = fmod((first + i) * GOLDEN_SECTION, 1.0);
        sleep_until(newest_cycle_s() + (blocks + place) * block_s);
        sent_s[i] = now_s();
        sendto(peer, packet, bytes, 0, (struct sockaddr *)&address, sizeof address);
    }
    close(peer);
    return count;
}

static void save(const char *base, const char *suffix, const void *items, size_t size, size_t count) {
    char path[4096];
    snprintf(path, sizeof path, "%s%s", base, suffix);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(items, size, count, file) != count)
        fail("cannot write", path);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 6 && argc != 12)
        fail("usage: NAME SECONDS PORT0 PORT1 OUT", "[UDP_PORT PACKET_HEX COUNT MIN_MS MAX_MS FIRST]");
    double seconds = atof(argv[2]);
    capacity_frames = (size_t)((seconds + 5) * 200000);
    capacity_cycles = capacity_frames / 16;
    frames = malloc(capacity_frames * 2 * sizeof *frames);
    cycles = malloc(capacity_cycles * 2 * sizeof *cycles);
    if (!frames || !cycles)
        fail("no memory for", argv[2]);
    connect_to(argv[1], argv + 3);
    capacity_frames = (size_t)((seconds + 5) * jack_get_sample_rate(client));
    memset(frames, 0, capacity_frames * 2 * sizeof *frames); /* have every page before it is needed */
    usleep(SETTLE_US); /* connecting is not what is measured */
    atomic_store(&xrun_count, 0);
    atomic_store(&skipped_frames, 0);
    atomic_store(&frame_count, 0);
    atomic_store(&cycle_count, 0);
    puts("ready");
    fflush(stdout);
    double end_s = now_s() + seconds;
    double *sent_s = calloc(argc > 6 ? atoi(argv[8]) : 1, sizeof *sent_s);
    size_t sent = argc > 6 ? send_packets(argv + 6, sent_s) : 0;
    while (now_s() < end_s)
        usleep(10000);
    jack_deactivate(client);
    size_t recorded = atomic_load(&frame_count);
    save(argv[5], ".f32", frames, 2 * sizeof *frames, recorded);
    save(argv[5], ".cycles", cycles, 2 * sizeof *cycles, atomic_load(&cycle_count));
    save(argv[5], ".sent", sent_s, sizeof *sent_s, sent);
    printf("frames=%zu xruns=%ld skipped=%ld\n", recorded, atomic_load(&xrun_count), atomic_load(&skipped_frames));
    jack_client_close(client);
    return 0;
}
