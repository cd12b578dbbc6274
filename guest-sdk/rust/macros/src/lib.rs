//! The `plugin!` macro of `belljar-guest`; use it from there.
//!
//! It completes the author's WIT with Belljar's own contract and hands both to `wit-bindgen`, with
//! every interface of the contract mapped on the SDK's module of the same name. So a plugin is one
//! file, and an `ObjectRef` is the same type in every plugin and in the SDK.

mod contract;
mod source;
mod symbols;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use source::Source;
use std::path::Path;
use symbols::Owner;
use syn::{Error, Ident, LitStr};

/// Declares what the plugin exports, and generates the trait `Guest` and the macro `export!`.
///
/// The argument is the plugin's WIT, or the path of a file that holds it, relative to the crate's
/// folder and ending in `.wit`. The text is one package with one world; it may refer to everything
/// in `belljar:plugin@0.1.0` without declaring it.
///
/// Implement `Guest` on a type of your own and end with `export!(ThatType);`. For a world that exports
/// `belljar:plugin/durable` there is a second trait, `Durable`, to implement on the same type.
///
/// ```ignore
/// belljar_guest::plugin!(r#"
///     package demo:greeter;
///     world greeter {
///         include belljar:plugin/task@0.1.0;
///         export hello: func(name: string) -> string;
///     }
/// "#);
///
/// struct Greeter;
///
/// impl Guest for Greeter {
///     fn hello(name: String) -> String {
///         format!("Hello, {name}!")
///     }
/// }
///
/// export!(Greeter);
/// ```
///
/// # Errors
///
/// A file that cannot be read, or WIT that is not valid, is a compile error that says where. So is a
/// method outside of an interface with the name of a C function, such as `read` for `wasm32-wasip2`.
#[proc_macro]
pub fn plugin(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let argument = syn::parse_macro_input!(input as LitStr);
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    match Source::new(&argument.value(), Path::new(&folder)) {
        Ok(source) => expand(&source).into(),
        Err(error) => Error::new(argument.span(), error).into_compile_error().into(),
    }
}

fn expand(source: &Source) -> TokenStream {
    let bindings = bindings(source);
    let export = export_macro();
    // The compiler learns from the inclusion that it must build again when the file changes.
    let tracked = source.file.as_ref().map(|file| {
        let path = file.display().to_string();
        quote! { const _: &str = include_str!(#path); }
    });
    let refusals = source.functions.iter().filter_map(|name| refusal(name));
    // Its own name is `Guest`, like that of the plugin's methods, at the end of a long path.
    let durable = source.is_durable.then(|| {
        quote! { pub(crate) use __belljar::exports::belljar::plugin::durable::Guest as Durable; }
    });
    quote! { #bindings #export #durable #tracked #(#refusals)* }
}

/// A compile error on the targets where a method may not have this name, if there are any.
fn refusal(method: &str) -> Option<TokenStream> {
    let targets = match symbols::owner(method)? {
        Owner::Compiler => quote! { target_family = "wasm" },
        Owner::CLibrary => quote! { target_os = "wasi" },
    };
    let error = format!(
        "the method `{method}` would take the place of the C function of that name, which the \
         standard library calls: give it another name (one with a dash is always free), or export \
         it in an interface, as in `export files: interface {{ {method}: func(…); }}`"
    );
    Some(quote! {
        #[cfg(#targets)]
        compile_error!(#error);
    })
}

/// The call of `wit-bindgen`.
fn bindings(source: &Source) -> TokenStream {
    let wit = &source.wit;
    let mappings = source.interfaces.iter().map(|interface| {
        let id = &interface.id;
        let module = Ident::new(&interface.name, Span::call_site());
        quote! { #id: ::belljar_guest::#module }
    });
    // The lints of the author's crate are not for generated code; an `allow` needs the module. The
    // text is complete: the empty path keeps a folder named `wit` from being read as well.
    quote! {
        #[doc(hidden)]
        #[allow(missing_docs, dead_code, unsafe_code, clippy::all, clippy::pedantic)]
        mod __belljar {
            ::belljar_guest::__private::wit_bindgen::generate!({
                inline: #wit,
                path: [],
                with: { #(#mappings),* },
                generate_all,
                runtime_path: "::belljar_guest::__private::wit_bindgen::rt",
                bitflags_path: "::belljar_guest::__private::wit_bindgen::rt::bitflags",
                export_macro_name: "export_component",
            });
        }
        #[allow(unused_imports)]
        pub(crate) use __belljar::*;
    }
}

/// The `export!` macro: `wit-bindgen`'s own, and a constructor that has panics reported.
///
/// `wit-bindgen` runs the module's constructors before the first call of any export, so the hook is
/// in place whichever method is called first, and no method needs to do anything for it.
///
/// On the machine's own target it exports nothing, so that the plugin's unit tests can run there: a
/// method named `read` would otherwise take the place of the C library's.
fn export_macro() -> TokenStream {
    quote! {
        #[doc(hidden)]
        #[allow(unused_macros)]
        macro_rules! __belljar_export_and_report_panics {
            ($guest:ident) => {
                // The name of the type keeps it from counting as unused where nothing is exported.
                const _: usize = ::core::mem::size_of::<$guest>();

                #[cfg(target_family = "wasm")]
                #[allow(unsafe_code)]
                const _: () = {
                    __belljar::export_component!($guest with_types_in __belljar);

                    #[used]
                    #[unsafe(link_section = ".init_array")]
                    static REPORT_PANICS: extern "C" fn() = ::belljar_guest::__private::report_panics;
                };
            };
        }
        #[doc(hidden)]
        #[allow(unused_imports)]
        pub(crate) use __belljar_export_and_report_panics as export;
    }
}
