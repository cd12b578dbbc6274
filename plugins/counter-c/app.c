// A counter in C. What it keeps between calls is in static variables and in memory from malloc: the host keeps the
// plugin's whole memory, so nothing needs to be saved.

#include "belljar.h"

#include <stdlib.h>

// The values of one tag.
struct tag {
    plugin_string_t name;
    double *values;
    size_t count;
    size_t capacity;
    double mean;
    double squares; // The sum of the squared distances from the mean.
    struct tag *next;
};

// Something that was drawn. The newest comes first in the list.
struct drawn {
    plugin_draw_t draw;
    struct drawn *older;
};

static int64_t sum;
static struct tag *first_tag;
static struct drawn *newest_drawn;
static size_t drawn_count;

// Memory, or the end of the call: a trap is a fault, and the host puts everything back as it was before.
static void *allocate(void *old, size_t count, size_t size) {
    void *memory = count > SIZE_MAX / size ? NULL : realloc(old, count * size);
    if (memory == NULL && count > 0) {
        belljar_log(BELLJAR_PLUGIN_LOG_LEVEL_ERROR, "out of memory for %zu times %zu bytes", count, size);
        __builtin_trap();
    }
    return memory;
}

// A result's list: the caller of the method frees it, also when it is empty.
static void *allocate_list(size_t count, size_t size) {
    return count == 0 ? NULL : allocate(NULL, count, size);
}

// The place where the tag of this name is, or where it belongs.
static struct tag **find_tag(const plugin_string_t *name) {
    struct tag **place = &first_tag;
    while (*place != NULL && !belljar_equal(&(*place)->name, name)) {
        place = &(*place)->next;
    }
    return place;
}

bool exports_plugin_init(plugin_string_t *config, plugin_string_t *err) {
    // The only field makes a parser for JSON needless: what is not of this form is refused.
    char *text = allocate(NULL, config->len + 1, 1);
    memcpy(text, config->ptr, config->len);
    text[config->len] = '\0';
    long long start = 0;
    int end = 0;
    bool valid = sscanf(text, " { \"start\" : %lld } %n", &start, &end) == 1 && end > 0 && text[end] == '\0';
    if (!valid) {
        end = 0;
        start = 0;
        valid = sscanf(text, " { } %n", &end) == 0 && end > 0 && text[end] == '\0';
    }
    free(text);
    plugin_string_free(config);
    if (!valid) {
        plugin_string_dup(err, "the configuration must be {} or like {\"start\": 100}");
        return false;
    }
    sum = start;
    return true;
}

int64_t exports_plugin_add(int64_t n) {
    sum = (int64_t)((uint64_t)sum + (uint64_t)n); // Unsigned, where going past the end is defined.
    return sum;
}

int64_t exports_plugin_get(void) {
    return sum;
}

void exports_plugin_keep(plugin_string_t *name, double value, plugin_statistics_t *ret) {
    struct tag **place = find_tag(name);
    struct tag *tag = *place;
    if (tag == NULL) {
        tag = allocate(NULL, 1, sizeof *tag);
        *tag = (struct tag){.name = *name};
        *place = tag;
    } else {
        plugin_string_free(name);
    }
    if (tag->count == tag->capacity) {
        tag->capacity = tag->capacity == 0 ? 4 : 2 * tag->capacity;
        tag->values = allocate(tag->values, tag->capacity, sizeof *tag->values);
    }
    tag->values[tag->count++] = value;
    // Welford's method, which keeps its precision where the sum of squares would lose it.
    double distance = value - tag->mean;
    tag->mean += distance / (double)tag->count;
    tag->squares += distance * (value - tag->mean);
    *ret = (plugin_statistics_t){tag->count, tag->mean, tag->squares / (double)tag->count};
}

bool exports_plugin_kept(plugin_string_t *name, plugin_list_f64_t *ret, plugin_string_t *err) {
    const struct tag *tag = *find_tag(name);
    plugin_string_free(name);
    if (tag == NULL) {
        plugin_string_dup(err, "nothing was kept under this tag");
        return false;
    }
    ret->len = tag->count;
    ret->ptr = allocate_list(tag->count, sizeof *tag->values);
    memcpy(ret->ptr, tag->values, tag->count * sizeof *tag->values);
    return true;
}

void exports_plugin_tags(plugin_list_string_t *ret) {
    size_t count = 0;
    for (const struct tag *tag = first_tag; tag != NULL; tag = tag->next) {
        count++;
    }
    ret->len = count;
    ret->ptr = allocate_list(count, sizeof *ret->ptr);
    plugin_string_t *copy = ret->ptr;
    for (const struct tag *tag = first_tag; tag != NULL; tag = tag->next) {
        plugin_string_dup_n(copy++, (const char *)tag->name.ptr, tag->name.len);
    }
}

void exports_plugin_draw_one(plugin_draw_t *ret) {
    struct drawn *drawn = allocate(NULL, 1, sizeof *drawn);
    *drawn = (struct drawn){.draw = {belljar_random(), belljar_now_ns()}, .older = newest_drawn};
    newest_drawn = drawn;
    drawn_count++;
    *ret = drawn->draw;
}

void exports_plugin_drawn(plugin_list_draw_t *ret) {
    ret->len = drawn_count;
    ret->ptr = allocate_list(drawn_count, sizeof *ret->ptr);
    plugin_draw_t *end = ret->ptr + drawn_count;
    for (const struct drawn *drawn = newest_drawn; drawn != NULL; drawn = drawn->older) {
        *--end = drawn->draw;
    }
}
