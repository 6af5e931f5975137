/* A sequencer that leads by MIDI clock over JACK, with jitter, and writes down what it meant.

   midi_clock CLIENT TEMPO_BPM JITTER_MS PULSES SEED DESTINATION FILE [START]

   Connects its port to DESTINATION, sends start (unless START is 0) and then PULSES clocks. Each is
   sent up to JITTER_MS early or late, evenly drawn. FILE gets one double for each pulse: when it was
   meant, in seconds of the monotonic clock. Prints "ready" when it begins, "done" at its end. */

#include <jack/jack.h>
#include <jack/midiport.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define MAX_CYCLES 65536
#define NEAR_CYCLES 32

static jack_client_t *client;
static jack_port_t *port;
static double period, jitter, begin = -1.0, *meant, *sent_at;
static int pulses, starts, *sent_in;
static double offsets[MAX_CYCLES];
static int cycles;
static volatile int next_pulse, go, done;

static double monotonic(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec * 1e-9;
}

static int order(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

/* How far the monotonic clock is from JACK's frames around a cycle. Cycles are woken a little late,
   each by another while: the one in the middle tells. Only near ones, because a machine that stands
   still makes JACK lose frames, and from there on it is another. */
static double offset_near(int cycle) {
    int first = cycle < NEAR_CYCLES ? 0 : cycle - NEAR_CYCLES;
    int last = cycle + NEAR_CYCLES < cycles ? cycle + NEAR_CYCLES : cycles - 1;
    double near[2 * NEAR_CYCLES + 1];
    for (int i = first; i <= last; i++) near[i - first] = offsets[i];
    qsort(near, last - first + 1, sizeof *near, order);
    return near[(last - first) / 2];
}

static int process(jack_nframes_t frames, void *unused) {
    (void)unused;
    void *buffer = jack_port_get_buffer(port, frames);
    jack_midi_clear_buffer(buffer);
    if (!go || done) return 0;
    double now = jack_last_frame_time(client);
    if (cycles < MAX_CYCLES) offsets[cycles++] = monotonic() - now / jack_get_sample_rate(client);
    if (begin < 0.0) {
        begin = now + 4410.0;
        unsigned char start = 0xFA;
        if (starts) jack_midi_event_write(buffer, 0, &start, 1);
    }
    while (next_pulse < pulses) {
        double at = begin + next_pulse * period + sent_at[next_pulse];
        if (at >= now + frames) return 0;
        unsigned char clock = 0xF8;
        int offset = at < now ? 0 : (int)(at - now);
        jack_midi_event_write(buffer, offset, &clock, 1);
        meant[next_pulse] = begin + next_pulse * period;
        sent_in[next_pulse] = cycles - 1;
        next_pulse++;
    }
    done = 1;
    return 0;
}

int main(int argc, char **argv) {
    if (argc < 8) return 2;
    client = jack_client_open(argv[1], JackNoStartServer, NULL);
    if (!client) return 3;
    double rate = jack_get_sample_rate(client);
    period = 60.0 * rate / atof(argv[2]) / 24.0;
    jitter = atof(argv[3]) * rate / 1000.0;
    pulses = atoi(argv[4]);
    srand(atoi(argv[5]));
    starts = argc < 9 || atoi(argv[8]);
    meant = calloc(pulses, sizeof *meant);
    sent_at = calloc(pulses, sizeof *sent_at);
    sent_in = calloc(pulses, sizeof *sent_in);
    for (int i = 0; i < pulses; i++) sent_at[i] = jitter * (2.0 * rand() / RAND_MAX - 1.0);
    port = jack_port_register(client, "out", JACK_DEFAULT_MIDI_TYPE, JackPortIsOutput, 0);
    jack_set_process_callback(client, process, NULL);
    if (jack_activate(client)) return 4;
    int refused = jack_connect(client, jack_port_name(port), argv[6]);
    if (refused && !jack_port_connected_to(port, argv[6])) return 5; /* whoever listens may have been quicker */
    puts("ready");
    fflush(stdout);
    go = 1;
    while (!done) usleep(10000);
    usleep(50000);
    for (int i = 0; i < pulses; i++) meant[i] = meant[i] / rate + offset_near(sent_in[i]);
    FILE *file = fopen(argv[7], "wb");
    if (!file) return 6;
    fwrite(meant, sizeof *meant, pulses, file);
    fclose(file);
    puts("done");
    jack_client_close(client);
    return 0;
}
