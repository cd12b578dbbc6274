// An actor that has the host compute, in C. It keeps the network and the kernel from call to call, and both are in its
// checkpoints. What the host's functions say is wrong is passed on as it is.

#include "belljar.h"

// How many points the network learns from, and how many numbers its hidden layer has.
#define POINTS 256
#define HIDDEN 16
#define LEARNING_RATE 0.05
// Where the random numbers begin: those of the points and of the layers, each with a seed of its own.
#define SEED 4
// How many numbers a workgroup of the kernel takes.
#define WORKGROUP 64

// How many steps of Collatz's rule take each number to 1, in place of the number.
static const char KERNEL[] =
    "@group(0) @binding(0) var<storage, read_write> numbers: array<u32>;\n"
    "\n"
    "const NUMBER_MAX = 0xffffffffu;\n"
    "\n"
    "@compute @workgroup_size(64)\n"
    "fn collatz(@builtin(global_invocation_id) id: vec3<u32>) {\n"
    "    if id.x < arrayLength(&numbers) {\n"
    "        numbers[id.x] = steps_to_one(numbers[id.x]);\n"
    "    }\n"
    "}\n"
    "\n"
    "fn steps_to_one(start: u32) -> u32 {\n"
    "    var number = start;\n"
    "    var steps = 0u;\n"
    "    while number > 1u {\n"
    "        if number % 2u == 0u {\n"
    "            number /= 2u;\n"
    "        } else if number <= (NUMBER_MAX - 1u) / 3u {\n"
    "            number = 3u * number + 1u;\n"
    "        } else {\n"
    "            return NUMBER_MAX;\n"
    "        }\n"
    "        steps += 1u;\n"
    "    }\n"
    "    return steps;\n"
    "}\n";

typedef belljar_plugin_tensor_tensor_t tensor;
typedef belljar_plugin_tensor_optimiser_t optimiser;
typedef plugin_tensor_error_t tensor_error;
typedef plugin_compute_error_t compute_error;

// The places of the network's parameters: a weight, and behind it the layer's bias.
enum { HIDDEN_LAYER = 0, OUTPUT_LAYER = 2, PARAMETERS = 4 };

// Two numbers in, 16 hidden ones, and the scores of the two answers. The id 0 is that of no tensor.
static struct {
    bool is_made;
    tensor points;
    uint32_t answers[POINTS];
    tensor parameters[PARAMETERS];
    optimiser adam;
} network;

// What the network makes of the points.
struct pass {
    tensor hidden;
    tensor scores;
    tensor loss;
};

// The kernel, once it is built.
static bool has_pipeline;
static uint64_t pipeline;

// Frees a tensor, if there is one.
static void free_tensor(tensor id) {
    tensor_error ignored;
    if (id != 0 && !belljar_plugin_tensor_free(id, &ignored)) {
        belljar_plugin_tensor_error_free(&ignored);
    }
}

static void free_pass(const struct pass *pass) {
    free_tensor(pass->hidden);
    free_tensor(pass->scores);
    free_tensor(pass->loss);
}

// Draws the points, and says of each whether its coordinates have different signs.
static bool make_points(tensor_error *error) {
    plugin_list_u32_t shape = {(uint32_t[]){POINTS, 2}, 2};
    plugin_list_f32_t coordinates;
    if (!belljar_plugin_tensor_random_uniform(&shape, -1, 1, SEED, &network.points, error) ||
        !belljar_plugin_tensor_values(network.points, &coordinates, error)) {
        return false;
    }
    for (size_t point = 0; point < POINTS; point++) {
        network.answers[point] = (coordinates.ptr[2 * point] < 0) != (coordinates.ptr[2 * point + 1] < 0);
    }
    plugin_list_f32_free(&coordinates);
    return true;
}

// Makes a layer's weight and bias.
static bool make_layer(uint32_t inputs, uint32_t outputs, uint64_t seed, tensor *layer, tensor_error *error) {
    plugin_list_u32_t weight = {(uint32_t[]){outputs, inputs}, 2}, bias = {&outputs, 1};
    return belljar_plugin_tensor_random_normal(&weight, 0, 0.5f, seed, &layer[0], error) &&
           belljar_plugin_tensor_zeros(&bias, &layer[1], error) &&
           belljar_plugin_tensor_require_gradient(layer[0], error) &&
           belljar_plugin_tensor_require_gradient(layer[1], error);
}

static bool make_network(tensor_error *error) {
    belljar_plugin_tensor_list_tensor_t parameters = {network.parameters, PARAMETERS};
    belljar_plugin_tensor_adam_options_t options = {
        .learning_rate = LEARNING_RATE, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
    network.is_made = make_points(error) &&
                      make_layer(2, HIDDEN, SEED + 1, &network.parameters[HIDDEN_LAYER], error) &&
                      make_layer(HIDDEN, 2, SEED + 2, &network.parameters[OUTPUT_LAYER], error) &&
                      belljar_plugin_tensor_adam(&parameters, &options, &network.adam, error);
    if (!network.is_made) {
        free_tensor(network.points);
        for (size_t parameter = 0; parameter < PARAMETERS; parameter++) {
            free_tensor(network.parameters[parameter]);
        }
        memset(&network, 0, sizeof network);
    }
    return network.is_made;
}

// Has the network answer. The caller frees the pass, also one that failed on the way.
static bool look(struct pass *pass, tensor_error *error) {
    tensor *hidden = &network.parameters[HIDDEN_LAYER], *output = &network.parameters[OUTPUT_LAYER];
    plugin_list_u32_t answers = {network.answers, POINTS};
    *pass = (struct pass){0};
    return belljar_plugin_tensor_linear(network.points, hidden[0], &hidden[1], BELLJAR_PLUGIN_TENSOR_ACTIVATION_TANH,
                                        &pass->hidden, error) &&
           belljar_plugin_tensor_linear(pass->hidden, output[0], &output[1], BELLJAR_PLUGIN_TENSOR_ACTIVATION_NONE,
                                        &pass->scores, error) &&
           belljar_plugin_tensor_cross_entropy(pass->scores, &answers, &pass->loss, error);
}

// One step towards the right answers.
static bool learn(tensor_error *error) {
    belljar_plugin_tensor_list_tensor_t parameters = {network.parameters, PARAMETERS};
    struct pass pass;
    bool is_done = look(&pass, error) && belljar_plugin_tensor_backward(pass.loss, error) &&
                   belljar_plugin_tensor_step(network.adam, error) &&
                   belljar_plugin_tensor_zero_gradients(&parameters, error);
    free_pass(&pass);
    return is_done;
}

// How well the network does.
static bool assess(plugin_progress_t *progress, tensor_error *error) {
    // Nothing from here to the end of the call needs a gradient.
    belljar_plugin_tensor_set_recording(false);
    struct pass pass;
    plugin_list_f32_t loss = {0};
    plugin_list_u32_t given = {0};
    bool is_done = look(&pass, error) && belljar_plugin_tensor_values(pass.loss, &loss, error) &&
                   belljar_plugin_tensor_argmax(pass.scores, 1, &given, error);
    if (is_done) {
        size_t right = 0;
        for (size_t point = 0; point < POINTS; point++) {
            right += given.ptr[point] == network.answers[point];
        }
        *progress = (plugin_progress_t){.loss = loss.ptr[0], .accuracy = (float)right / POINTS};
    }
    plugin_list_f32_free(&loss);
    plugin_list_u32_free(&given);
    free_pass(&pass);
    return is_done;
}

bool exports_plugin_train(uint32_t steps, plugin_progress_t *ret, tensor_error *err) {
    if (!network.is_made && !make_network(err)) {
        return false;
    }
    for (uint32_t step = 0; step < steps; step++) {
        if (!learn(err)) {
            return false;
        }
    }
    return assess(ret, err);
}

// Builds the kernel, unless that is done.
static bool make_pipeline(compute_error *error) {
    if (!has_pipeline) {
        plugin_string_t source = belljar_string(KERNEL), entry_point = belljar_string("collatz");
        has_pipeline = belljar_plugin_compute_create_compute_pipeline(&source, &entry_point, &pipeline, error);
    }
    return has_pipeline;
}

// Puts the steps in place of the numbers, of which there are some.
static bool count_steps(uint64_t buffer, plugin_list_u32_t *numbers, compute_error *error) {
    plugin_list_u8_t bytes = {(uint8_t *)numbers->ptr, numbers->len * sizeof *numbers->ptr}, read;
    belljar_plugin_compute_bind_group_entry_t binding = {.group = 0, .binding = 0, .buffer = buffer};
    belljar_plugin_compute_command_t dispatch = {
        .tag = BELLJAR_PLUGIN_COMPUTE_COMMAND_DISPATCH_WORKGROUPS,
        .val.dispatch_workgroups = {
            .pipeline = pipeline,
            .bind_group = {&binding, 1},
            .workgroups = {(numbers->len + WORKGROUP - 1) / WORKGROUP, 1, 1},
        }};
    belljar_plugin_compute_list_command_t commands = {&dispatch, 1};
    bool is_done = belljar_plugin_compute_write_buffer(buffer, 0, &bytes, error) &&
                   belljar_plugin_compute_submit(&commands, error) &&
                   belljar_plugin_compute_read_buffer(buffer, 0, bytes.len, &read, error);
    if (is_done) {
        memcpy(numbers->ptr, read.ptr, read.len);
        plugin_list_u8_free(&read);
    }
    return is_done;
}

bool exports_plugin_collatz(plugin_list_u32_t *numbers, plugin_list_u32_t *ret, compute_error *err) {
    bool is_done = make_pipeline(err);
    uint64_t buffer;
    // No buffer is empty.
    if (is_done && numbers->len > 0) {
        is_done = belljar_plugin_compute_create_buffer(numbers->len * sizeof *numbers->ptr, &buffer, err);
        if (is_done) {
            is_done = count_steps(buffer, numbers, err);
            compute_error ignored;
            if (!belljar_plugin_compute_destroy_buffer(buffer, &ignored)) {
                belljar_plugin_compute_error_free(&ignored);
            }
        }
    }
    if (is_done) {
        *ret = *numbers;
    } else {
        plugin_list_u32_free(numbers);
    }
    return is_done;
}
