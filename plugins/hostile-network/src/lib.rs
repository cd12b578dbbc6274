//! Reaches for an HTTP origin. Without a grant it must be refused when it is loaded, and with one it
//! must reach that origin only.

use belljar_guest::http;

belljar_guest::plugin!(
    r#"
    package belljar:hostile-network;

    world hostile-network {
        include belljar:plugin/task@0.1.0;
        import belljar:plugin/http@0.1.0;

        /// The HTTP status with which the URL is answered.
        export fetch: func(url: string) -> result<u16, string>;
    }"#
);

struct HostileNetwork;

impl Guest for HostileNetwork {
    fn fetch(url: String) -> Result<u16, String> {
        http::send(&http::Request::get(url)).map(|response| response.status).map_err(|error| error.to_string())
    }
}

export!(HostileNetwork);
