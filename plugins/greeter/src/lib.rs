//! The smallest plugin: two methods in one file.
belljar_guest::plugin!(
    "package demo:greeter;
    world greeter {
        include belljar:plugin/task@0.1.0;
        export hello: func(name: string) -> string;
        export add: func(a: u32, b: u32) -> u32;
    }"
);
struct Greeter;
impl Guest for Greeter {
    fn hello(name: String) -> String {
        format!("Hello, {name}!")
    }
    fn add(a: u32, b: u32) -> u32 {
        a.wrapping_add(b)
    }
}
export!(Greeter);
