/* Tells callgrind which part of the run to count. Outside callgrind these do nothing. */
#include <valgrind/callgrind.h>

void begin(void) {
    CALLGRIND_ZERO_STATS;
    CALLGRIND_START_INSTRUMENTATION;
}

void end(const char* name) {
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(name);
}
