// What authors of Belljar plugins in C use beside the bindings of their own WIT, which are in "plugin.h".
//
// The C library's clock, random numbers and standard output need WASI, which an actor cannot have. The functions
// here take their place. None of them holds a handle, so a plugin that uses them can be snapshotted.
#ifndef BELLJAR_H
#define BELLJAR_H

#include "plugin.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// The longest line that belljar_log writes, in bytes with the final zero; a longer one is cut. It is the host's own
// default limit.
#define BELLJAR_LOG_LINE_BYTES_MAX 8192

// Refers to a C string without a copy. The reference is good as long as the string is.
static inline plugin_string_t belljar_string(const char *text) {
    return (plugin_string_t){(uint8_t *)text, strlen(text)};
}

// Whether two texts are the same.
static inline bool belljar_equal(const plugin_string_t *left, const plugin_string_t *right) {
    return left->len == right->len && memcmp(left->ptr, right->ptr, left->len) == 0;
}

// Writes a line to the host's log, formatted as by printf. The level is BELLJAR_PLUGIN_LOG_LEVEL_INFO or another of
// that name.
__attribute__((format(printf, 2, 3))) static inline void belljar_log(belljar_plugin_log_level_t level,
                                                                     const char *format, ...) {
    char line[BELLJAR_LOG_LINE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return; // The format is not valid, and there is no line.
    }
    plugin_string_t message = belljar_string(line);
    belljar_plugin_log_log(level, &message);
}

// The time in nanoseconds since 1970.
static inline uint64_t belljar_now_ns(void) {
    return belljar_plugin_clock_now();
}

// A random number, each value equally likely.
static inline uint64_t belljar_random(void) {
    return belljar_plugin_random_next();
}

// A random number from 0 to below 1, of as many bits as a double holds exactly.
static inline double belljar_random_fraction(void) {
    return (double)(belljar_random() >> 11) / (double)(1ull << 53);
}

#endif
