/* jack_player: plays stereo frames round and round, each at its place on JACK's own frame clock.
 *
 *   jack_player NAME FILE
 *
 * FILE has float32 [frames, 2], interleaved. The frame of JACK's clock of number n carries frame
 * n modulo their count, in the ports NAME:out_0 and NAME:out_1, until standard input closes.
 * Prints "ready FRAME SECONDS": a frame of JACK's clock that begins a cycle, and the monotonic time
 * at which that cycle began.
 */
#include <jack/jack.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static jack_client_t *client;
static jack_port_t *ports[2];
static float *frames;
static size_t frame_count;
static jack_nframes_t cycle_frame;
static double cycle_s;
static atomic_int told;

static int on_cycle(jack_nframes_t count, void *unused) {
    (void)unused;
    jack_nframes_t first = jack_last_frame_time(client);
    if (!atomic_load(&told)) {
        /* Not JACK's own time, which is of another clock. */
        struct timespec time;
        clock_gettime(CLOCK_MONOTONIC, &time);
        cycle_frame = first;
        cycle_s = time.tv_sec + time.tv_nsec * 1e-9;
        atomic_store(&told, 1);
    }
    for (int side = 0; side < 2; side++) {
        float *out = jack_port_get_buffer(ports[side], count);
        for (jack_nframes_t i = 0; i < count; i++)
            out[i] = frames[2 * ((first + i) % frame_count) + side];
    }
    return 0;
}

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        exit(2);
    size_t bytes = ftell(file);
    rewind(file);
    frames = malloc(bytes);
    frame_count = bytes / (2 * sizeof *frames);
    if (!frame_count || fread(frames, 1, bytes, file) != bytes)
        exit(2);
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    load(argv[2]);
    client = jack_client_open(argv[1], JackNoStartServer, NULL);
    if (!client)
        return 1;
    ports[0] = jack_port_register(client, "out_0", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    ports[1] = jack_port_register(client, "out_1", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    jack_set_process_callback(client, on_cycle, NULL);
    if (jack_activate(client))
        return 1;
    while (!atomic_load(&told))
        usleep(10000);
    printf("ready %u %.9f\n", cycle_frame, cycle_s);
    fflush(stdout);
    char byte;
    while (read(0, &byte, 1) > 0)
        continue;
    jack_client_close(client);
    return 0;
}
