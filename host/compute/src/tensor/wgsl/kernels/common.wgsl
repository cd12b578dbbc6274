// What all kernels have in common. A kernel is dispatched in one or several parts, each a rectangle of workgroups; its
// parameters begin with the number of the part's first workgroup.

const GROUP_INVOCATIONS = 64u;

// The number of a workgroup among all of the kernel.
fn group_number(group: vec3<u32>, groups: vec3<u32>) -> u32 {
    return parameters.first_group + group.y * groups.x + group.x;
}
