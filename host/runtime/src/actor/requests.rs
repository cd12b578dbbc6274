//! HTTP requests of an actor that keeps its state. A request leaves when all that it depends on is durable. What came back
//! is written down before the guest sees it, so that a replay sends nothing and finds the same. A request that was under
//! way when the process died is sent again.

use std::sync::Arc;

use belljar_engine::capability::{BoxFuture, HttpHost, HttpOutcome, HttpRequest, HttpResponse};

use super::record::{HostAnswer, Response};
use super::voice::{Voice, host_failed};

/// Sends them for one actor.
pub(crate) struct Requests {
    pub voice: Arc<Voice>,
    /// The way out.
    pub http: Arc<dyn HttpHost>,
}

impl HttpHost for Requests {
    fn origin_of(&self, url: &str) -> Result<String, String> {
        self.http.origin_of(url)
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'_, HttpOutcome> {
        Box::pin(async move {
            let recorded = {
                let mut kept = self.voice.kept();
                match kept.recorded.front() {
                    Some(HostAnswer::Http(result)) => {
                        let result = result.clone();
                        kept.recorded.pop_front();
                        Some(result)
                    }
                    _ => match kept.not_as_recorded() {
                        Some(problem) => return Err(problem),
                        None => None,
                    },
                }
            };
            let shelf = self.voice.shelf().ok_or_else(|| host_failed("the actor keeps no objects"))?;
            match recorded {
                Some(Ok(Response { status, headers, body })) => {
                    let body = shelf.open(&body).map_err(host_failed)?;
                    return Ok(Ok(HttpResponse { status, headers, body }));
                }
                Some(Err(error)) => return Ok(Err(error)),
                None => {}
            }
            self.voice.go_live().await?;
            if self.voice.kept().is_journaled {
                self.voice.durable().await.map_err(host_failed)?;
            }
            let HttpResponse { status, headers, body } = match self.http.send(request).await? {
                Ok(response) => response,
                Err(error) => {
                    self.voice.kept().record(HostAnswer::Http(Err(error.clone())))?;
                    return Ok(Err(error));
                }
            };
            let shelf = shelf.clone();
            let adopted = tokio::task::spawn_blocking(move || shelf.adopt(body)).await;
            let body = adopted.map_err(host_failed)?.map_err(host_failed)?;
            let noted = Response { status, headers: headers.clone(), body: body.name().clone() };
            self.voice.kept().record(HostAnswer::Http(Ok(noted)))?;
            Ok(Ok(HttpResponse { status, headers, body }))
        })
    }
}
