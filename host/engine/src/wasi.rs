//! WASI 0.2, powerless unless granted: no directory, no environment, no network, no input; standard output
//! and error go to the log. What a guest tries without a grant is noted, so that the failure that follows
//! can name the grant to add.

mod denials;
mod output;

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, Host as _, HostDescriptor as _, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode as SocketErrorCode, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::TcpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp::UdpSocket;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxView, WasiView};

use crate::capability::Level;
use crate::capability::log::SharedLog;
use crate::grants::{Access, Grants};
use crate::state::HostState;
use denials::Denials;
use output::Output;

/// The interfaces that [`add_to_linker`] replaces a function of, in the version that wasmtime-wasi offers.
const FILESYSTEM_TYPES: &str = "wasi:filesystem/types@0.2.12";
const FILESYSTEM_PREOPENS: &str = "wasi:filesystem/preopens@0.2.12";

/// Handles (open files, streams) that one instance may have: 512. They are the whole process's to run out of.
const HANDLES_MAX: usize = 512;

/// An instance's WASI state.
pub(crate) struct Wasi {
    /// Made when the guest first calls WASI: most plugins never do, and making it takes as long as
    /// instantiating a small component.
    context: Option<WasiCtx>,
    table: ResourceTable,
    grants: Arc<Grants>,
    /// What was tried without a grant.
    pub denials: Denials,
    log: SharedLog,
}

impl Wasi {
    pub(crate) fn new(grants: Arc<Grants>, log: SharedLog) -> Wasi {
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MAX);
        Wasi { context: None, table, grants, denials: Denials::default(), log }
    }

    fn view(&mut self) -> WasiCtxView<'_> {
        let ctx = self.context.get_or_insert_with(|| context(&self.grants, &self.log));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.host_calls += 1;
        self.wasi.view()
    }
}

/// Opens every granted directory and says why one cannot be opened.
pub(crate) fn check(grants: &Grants) -> Result<(), (String, String)> {
    for grant in &grants.directories {
        let mut builder = WasiCtx::builder();
        if !grant.guest.starts_with('/') {
            return Err((grant.guest.clone(), "the guest's path must start with `/`".to_owned()));
        }
        builder.preopened_dir(&grant.host, &grant.guest, FsPerms::ReadOnly).map_err(|error| {
            (grant.host.display().to_string(), format!("{:#}; create the directory or correct the path", error))
        })?;
    }
    Ok(())
}

fn context(grants: &Grants, log: &SharedLog) -> WasiCtx {
    let mut builder = WasiCtx::builder();
    for grant in &grants.directories {
        let perms = match grant.access {
            Access::Read => FsPerms::ReadOnly,
            Access::Write => FsPerms::ReadWrite,
        };
        if let Err(error) = builder.preopened_dir(&grant.host, &grant.guest, perms) {
            // It was there when the component was linked; the guest will find that it is gone.
            tracing::warn!(directory = %grant.host.display(), %error, "a granted directory can no longer be opened");
        }
    }
    for name in &grants.env {
        if let Ok(value) = std::env::var(name) {
            builder.env(name, value);
        }
    }
    builder.stdout(Output::new(Level::Info, log));
    builder.stderr(Output::new(Level::Error, log));
    builder.build()
}

/// Adds WASI, with a few functions replaced by ones that note what is denied.
pub(crate) fn add_to_linker(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    linker.instance(FILESYSTEM_TYPES)?.func_wrap_async(
        "[method]descriptor.open-at",
        |mut cx: StoreContextMut<'_, HostState>, arguments: OpenAt| {
            Box::new(async move { Ok((open_at(cx.data_mut(), arguments).await?,)) })
        },
    )?;
    linker.instance(FILESYSTEM_PREOPENS)?.func_wrap(
        "get-directories",
        |mut cx: StoreContextMut<'_, HostState>, (): ()| {
            let state = cx.data_mut();
            let directories = preopens::Host::get_directories(&mut state.filesystem())?;
            if directories.is_empty() {
                state.wasi.denials.note_probe(
                    "the file system".to_owned(),
                    "add a directory to its grants: `directories = [{ host = \"…\", guest = \"/…\" }]`".to_owned(),
                );
            }
            Ok((directories,))
        },
    )?;
    linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?.func_wrap(
        "create-tcp-socket",
        |cx: StoreContextMut<'_, HostState>, (_family,): (IpAddressFamily,)| {
            Ok((Err::<Resource<TcpSocket>, SocketErrorCode>(deny_socket(cx.data())),))
        },
    )?;
    linker.instance("wasi:sockets/udp-create-socket@0.2.12")?.func_wrap(
        "create-udp-socket",
        |cx: StoreContextMut<'_, HostState>, (_family,): (IpAddressFamily,)| {
            Ok((Err::<Resource<UdpSocket>, SocketErrorCode>(deny_socket(cx.data())),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn deny_socket(state: &HostState) -> SocketErrorCode {
    state.wasi.denials.note(
        "a socket".to_owned(),
        "sockets are never granted; use `belljar:plugin/http` with a granted origin".to_owned(),
    );
    SocketErrorCode::AccessDenied
}

type OpenAt = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open_at(
    state: &mut HostState,
    (directory, path_flags, path, open_flags, flags): OpenAt,
) -> wasmtime::Result<Result<Resource<Descriptor>, ErrorCode>> {
    let opened = state.filesystem().open_at(directory, path_flags, path.clone(), open_flags, flags).await;
    let error = match opened {
        Ok(descriptor) => return Ok(Ok(descriptor)),
        Err(error) => state.filesystem().convert_error_code(error)?,
    };
    if matches!(error, ErrorCode::NotPermitted | ErrorCode::Access | ErrorCode::ReadOnly) {
        state.wasi.denials.note(
            format!("the file `{path}`"),
            "it lies outside the granted directories (perhaps through a link), or needs `access = \"write\"`"
                .to_owned(),
        );
    }
    Ok(Err(error))
}
