//! gix carries.
//!
//! Its layers below `gix` itself: they leave refs alone, so that ours are
//! written in one transaction after the pack is on the disk, and they send no
//! `ref-prefix` to the server, which `gix` derives from refspecs and which for
//! `refs/*` lists nothing and succeeds.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use git2::Oid;
use gix_hash::ObjectId;
use gix_negotiate::{Algorithm, Graph, Negotiator};
use gix_protocol::fetch::negotiate::{self, one_round};
use gix_protocol::fetch::{Arguments, Context, Negotiate, Options, Response, Shallow, Tags};
use gix_protocol::handshake::Ref;
use gix_protocol::{Handshake, LsRefsCommand};
use gix_transport::client::blocking_io::http::Transport;
use gix_transport::{Protocol, Service};
use prodash::tree;

use super::carrier::{Carrier, Extent, Received, Request};
use super::error::{MirrorError, is_disk_full};
use super::http::{HttpClient, HttpState};
use super::listing::Listing;
use super::meter::Meter;

/// Commits and tags, but neither trees nor files.
const NO_TREES: &str = "tree:0";

/// A connection to one remote, for one update.
pub(super) struct GixCarrier<'a> {
    transport: Transport<HttpClient>,
    handshake: Option<Handshake>,
    http: Arc<HttpState>,
    progress: Arc<tree::Root>,
    objects: PathBuf,
    cancel: &'a AtomicBool,
}

impl<'a> GixCarrier<'a> {
    pub(super) fn new(
        http: HttpClient,
        url: &str,
        repository: &Path,
        meter: &Meter,
        cancel: &'a AtomicBool,
    ) -> Result<Self, MirrorError> {
        let url = gix_url::parse(url).map_err(protocol)?;
        let state = http.state();
        let progress = tree::Root::new();
        meter.follow_gix(&progress, Arc::clone(&state));
        Ok(Self {
            transport: Transport::new_http(http, url, Protocol::V2, false),
            handshake: None,
            http: state,
            progress,
            objects: repository.join("objects"),
            cancel,
        })
    }

    /// What the network said comes first: gix only saw a broken stream.
    fn error(&self, error: gix_error::Error) -> MirrorError {
        if let Some(failure) = self.http.take_failure() {
            return failure;
        }
        if self.cancel.load(Ordering::Relaxed) {
            return MirrorError::Cancelled;
        }
        let kinds = || {
            error
                .iter_errors()
                .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        };
        if kinds().any(is_disk_full) {
            return MirrorError::DiskFull {
                path: self.objects.clone(),
            };
        }
        // The other side went away in the middle.
        if kinds().any(|cause| cause.kind() == std::io::ErrorKind::UnexpectedEof) {
            return MirrorError::Network {
                source: error.into(),
            };
        }
        // The server's words when a wanted object is gone since the listing.
        if error
            .iter_errors()
            .any(|cause| cause.to_string().contains("not our ref"))
        {
            return MirrorError::Moving;
        }
        protocol(error)
    }
}

fn protocol(error: gix_error::Error) -> MirrorError {
    MirrorError::Protocol {
        source: error.into(),
    }
}

fn agent() -> (&'static str, Option<String>) {
    ("agent", Some(gix_protocol::agent("bucketload")))
}

impl Carrier for GixCarrier<'_> {
    fn list(&mut self) -> Result<Listing, MirrorError> {
        let mut progress = self.progress.add_child("list");
        let handshake = gix_protocol::handshake(
            &mut self.transport,
            Service::UploadPack,
            |_| Ok(None),
            Vec::new(),
            &mut progress,
        );
        let mut handshake = handshake.map_err(|error| self.error(error))?;
        let format = handshake.capabilities.capability("object-format");
        let format = format.and_then(|capability| capability.value().map(ToOwned::to_owned));
        if format.is_some_and(|format| format != "sha1") {
            return Err(MirrorError::ObjectFormat);
        }
        let refs = match handshake.refs.take() {
            Some(refs) => refs,
            // No prefixes: everything the remote shows.
            None => LsRefsCommand::new(None, &handshake.capabilities, agent())
                .invoke_blocking(&mut self.transport, &mut progress, false)
                .map_err(|error| self.error(error))?,
        };
        self.handshake = Some(handshake);
        let mut listing = Listing::default();
        for reference in refs {
            let (name, target) = match reference {
                Ref::Peeled {
                    full_ref_name, tag, ..
                } => (full_ref_name, tag),
                Ref::Direct {
                    full_ref_name,
                    object,
                } => (full_ref_name, object),
                Ref::Symbolic {
                    full_ref_name,
                    target,
                    tag,
                    object,
                } => {
                    if full_ref_name == "HEAD" {
                        listing.head = Some(target);
                    }
                    (full_ref_name, tag.unwrap_or(object))
                }
                Ref::Unborn {
                    full_ref_name,
                    target,
                } => {
                    if full_ref_name == "HEAD" {
                        listing.head = Some(target);
                    }
                    continue;
                }
            };
            listing.add(name, to_git2(&target)?);
        }
        Ok(listing)
    }

    fn fetch(&mut self, request: &Request<'_>) -> Result<Received, MirrorError> {
        let before = self.http.received.load(Ordering::Relaxed);
        let is_first = request.shared.is_empty() && request.own.is_empty();
        let objects = self.objects()?;
        let negotiation = Negotiation {
            wants: to_gix(request.wants.iter().copied())?,
            shared: to_gix(request.shared.iter().copied())?,
            own: to_gix(request.own.iter().copied())?,
            filter: None,
            negotiator: Algorithm::Consecutive.into_negotiator(),
            graph: Graph::new(objects.clone(), None),
        };
        // The first pack refers to nothing outside itself, and need not be
        // taken apart to see whether it does.
        let bases = (!is_first).then_some(objects);
        let received = self.run(negotiation, &Shallow::NoChange, bases, request.incoming)?;
        Ok(Received {
            bytes: Some(self.http.received.load(Ordering::Relaxed) - before),
            objects: received,
        })
    }

    fn survey(
        &mut self,
        wants: &[Oid],
        extent: Extent,
        folder: &Path,
    ) -> Result<bool, MirrorError> {
        if !self.can_survey() {
            return Ok(false);
        }
        let negotiation = Negotiation {
            wants: to_gix(wants.iter().copied())?,
            shared: Vec::new(),
            own: Vec::new(),
            filter: Some(NO_TREES),
            negotiator: Algorithm::Noop.into_negotiator(),
            graph: Graph::new(self.objects()?, None),
        };
        let shallow = match extent {
            Extent::Tips => Shallow::DepthAtRemote(NonZeroU32::MIN),
            Extent::History => Shallow::NoChange,
        };
        self.run(negotiation, &shallow, None, folder)?;
        Ok(true)
    }
}

impl GixCarrier<'_> {
    fn objects(&self) -> Result<gix_odb::Handle, MirrorError> {
        let mut objects = gix_odb::at(&self.objects, gix_hash::Kind::Sha1)
            .map_err(MirrorError::io("open", &self.objects))?;
        objects.refresh_never();
        Ok(objects)
    }

    /// Whether the server leaves trees out when asked to. With the protocol of
    /// before 2018 it would also have to be asked what it gives by hash.
    fn can_survey(&self) -> bool {
        self.handshake.as_ref().is_some_and(|handshake| {
            let fetch = handshake.capabilities.capability("fetch");
            handshake.server_protocol_version == Protocol::V2
                && fetch.is_some_and(|it| it.supports("filter") == Some(true))
        })
    }

    /// Receives one pack into `pack` in `folder`. Returns how many objects it
    /// has. `bases` has what it may refer to.
    fn run(
        &mut self,
        mut negotiation: Negotiation<'_>,
        shallow: &Shallow,
        bases: Option<gix_odb::Handle>,
        folder: &Path,
    ) -> Result<u64, MirrorError> {
        let Some(handshake) = self.handshake.as_mut() else {
            return Ok(0);
        };
        let mut received = 0;
        let outcome = gix_protocol::fetch(
            &mut negotiation,
            |pack, progress, cancel| {
                let outcome = gix_pack::Bundle::write_to_directory(
                    pack,
                    Some(&folder.join("pack")),
                    progress,
                    cancel,
                    bases,
                    gix_hash::Kind::Sha1,
                    gix_pack::bundle::write::Options::default(),
                )?;
                received = u64::from(outcome.index.num_objects);
                Ok(true)
            },
            self.progress.add_child("fetch"),
            self.cancel,
            Context {
                handshake,
                transport: &mut self.transport,
                user_agent: agent(),
                trace_packetlines: false,
            },
            Options {
                // A mirror is never shallow, though a survey is: this file goes
                // with the folder.
                shallow_file: folder.join("shallow"),
                shallow,
                tags: Tags::None,
                reject_shallow_remote: true,
            },
        );
        drop(negotiation);
        outcome.map_err(|error| self.error(error))?;
        Ok(received)
    }
}

/// Tells the server what is wanted and what is here.
struct Negotiation<'a> {
    wants: Vec<ObjectId>,
    shared: Vec<ObjectId>,
    own: Vec<ObjectId>,
    filter: Option<&'static str>,
    negotiator: Box<dyn Negotiator>,
    graph: Graph<'a, 'a>,
}

impl Negotiate for Negotiation<'_> {
    fn mark_complete_and_common_ref(&mut self) -> gix_error::Result<negotiate::Action> {
        // In this order, as the negotiator wants it.
        for id in &self.shared {
            self.negotiator.known_common(*id, &mut self.graph)?;
        }
        for id in &self.own {
            self.negotiator.add_tip(*id, &mut self.graph)?;
        }
        Ok(negotiate::Action::MustNegotiate {
            remote_ref_target_known: Vec::new(),
        })
    }

    fn add_wants(&mut self, arguments: &mut Arguments, _known: &[bool]) -> bool {
        if let Some(filter) = self.filter {
            arguments.filter(filter);
        }
        for id in &self.wants {
            arguments.want(id);
        }
        !self.wants.is_empty()
    }

    fn one_round(
        &mut self,
        state: &mut one_round::State,
        arguments: &mut Arguments,
        previous_response: Option<&Response>,
    ) -> gix_error::Result<(negotiate::Round, bool)> {
        negotiate::one_round(
            self.negotiator.as_mut(),
            &mut self.graph,
            state,
            arguments,
            previous_response,
        )
    }
}

fn to_gix(ids: impl Iterator<Item = Oid>) -> Result<Vec<ObjectId>, MirrorError> {
    ids.map(|id| ObjectId::try_from(id.as_bytes()).map_err(|_| MirrorError::ObjectFormat))
        .collect()
}

fn to_git2(id: &ObjectId) -> Result<Oid, MirrorError> {
    Oid::from_bytes(id.as_bytes()).map_err(|_| MirrorError::ObjectFormat)
}
