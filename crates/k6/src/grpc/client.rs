//! `Client`: loading definitions, connecting, closing.

use std::cell::RefCell;
use std::ffi::CStr;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use net::grpc::{Channel, ChannelConfig, MAX_RECEIVE_BYTES, MAX_SEND_BYTES};

use super::model::NameCache;
use super::params::ConnectParams;
use super::samples::SeriesCache;
use super::schema::{Method, Schema};
use super::{Tally, VuGrpc, invoke, load, reflection, state};
use crate::host::VuHost;
use crate::js::{Args, Class, Ctx, FIRST_CLASS_ID, JsResult, List, Raw, Val, func};
use crate::native;

/// A script's client.
#[derive(Default)]
pub(super) struct Client {
    /// Everything that was loaded, oldest first.
    pub schemas: RefCell<Rc<[Arc<Schema>]>>,
    pub connection: RefCell<Option<Rc<Connection>>>,
    /// Where it was last connected to.
    pub address: RefCell<Rc<str>>,
    pub names: NameCache,
    pub series: SeriesCache,
}

/// A channel, alone or with other VUs of the core.
pub(super) struct Connection {
    pub channel: Rc<Channel>,
    /// It ends with its last user, not with `close()`.
    is_shared: bool,
    tally: Rc<Tally>,
}

impl Class for Client {
    const ID: u32 = FIRST_CLASS_ID + 40;
    const NAME: &'static CStr = c"Client";
}

static METHODS: List<7> = List([
    func(c"load", 1, native!(load)),
    func(c"loadProtoset", 1, native!(load_protoset)),
    func(c"connect", 2, native!(connect)),
    func(c"invoke", 3, native!(invoke::invoke)),
    func(c"asyncInvoke", 3, native!(invoke::async_invoke)),
    func(c"healthCheck", 1, native!(invoke::health_check)),
    func(c"close", 0, native!(close)),
]);

/// Registers the class and gives its constructor.
pub(super) fn register(cx: Ctx) -> JsResult<Val> {
    let proto = cx.register_class::<Client, 7>(&METHODS)?;
    cx.constructor(c"Client", 0, native!(construct), proto.raw())
}

fn construct(cx: Ctx, new_target: Raw, _args: Args<'_>) -> JsResult<Val> {
    cx.wrap_for(new_target, Client::default())
}

/// A method with the definitions it is from.
#[derive(Clone)]
pub(super) struct Found {
    pub schema: Arc<Schema>,
    pub index: u32,
}

impl Found {
    pub(super) fn method(&self) -> &Method {
        &self.schema.methods[self.index as usize]
    }
}

impl Client {
    /// The method of this path; what was loaded last wins.
    pub(super) fn find(&self, path: &str) -> Option<Found> {
        let schemas = self.schemas.borrow();
        schemas
            .iter()
            .rev()
            .find_map(|schema| Some(Found { schema: schema.clone(), index: schema.method(path)? }))
    }

    /// The connection.
    pub(super) fn connected(&self, cx: Ctx) -> JsResult<Rc<Connection>> {
        let connection = self.connection.borrow().clone();
        connection.ok_or_else(|| cx.throw_go("no gRPC connection, you must call connect first"))
    }

    fn add(&self, schema: &Arc<Schema>) {
        let mut schemas = self.schemas.borrow_mut();
        if schemas.last().is_some_and(|last| Arc::ptr_eq(last, schema)) {
            return;
        }
        // Moved to the end, if it is there already.
        let others = schemas.iter().filter(|known| !Arc::ptr_eq(known, schema)).cloned();
        *schemas = others.chain([schema.clone()]).collect();
    }
}

fn load(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go("load must be called in the init context"));
    }
    let mut folders = Vec::new();
    let first = args.get(0);
    if first.is_array() {
        for i in 0..first.length(cx)? {
            folders.push(first.get_idx(cx, i)?.to_text(cx)?.to_string());
        }
    } else if !first.is_nullish() {
        return Err(cx.throw_type(&format!(
            "could not convert function call parameter 0: cannot convert {} to []string",
            first.to_text(cx)?
        )));
    }
    let mut files = Vec::new();
    for file in args.as_slice().iter().skip(1) {
        files.push(file.to_text(cx)?.to_string());
    }
    let schema = load::files(&host.world, &folders, &files).map_err(|why| cx.throw_go(&why))?;
    client.add(&schema);
    methods(cx, &schema)
}

fn load_protoset(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let host = cx.host();
    if !host.is_init() {
        return Err(cx.throw_go("load must be called in the init context"));
    }
    let path = args.get(0).to_text(cx)?;
    let schema = load::protoset(&host.world, &path).map_err(|why| cx.throw_go(&why))?;
    client.add(&schema);
    methods(cx, &schema)
}

/// What `load` returns: the methods that were found.
fn methods(cx: Ctx, schema: &Schema) -> JsResult<Val> {
    let list = cx.array()?;
    for (i, method) in schema.methods.iter().enumerate() {
        let item = cx.object()?;
        item.set_str(cx, c"package", cx.string(&method.package)?)?;
        item.set_str(cx, c"service", cx.string(&method.service)?)?;
        item.set_str(cx, c"full_method", cx.string(&method.path)?)?;
        item.set_str(cx, c"name", cx.string(&method.name)?)?;
        item.set_str(cx, c"is_client_stream", cx.boolean(method.is_client_streaming))?;
        item.set_str(cx, c"is_server_stream", cx.boolean(method.is_server_streaming))?;
        list.set_idx(cx, i as u32, item)?;
    }
    Ok(list)
}

fn connect(cx: Ctx, this: Raw, args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let host = cx.host();
    if host.is_init() {
        return Err(cx.throw_go("connecting to a gRPC server in the init context is not supported"));
    }
    let address = args.get(0).to_text(cx)?.to_string();
    let (params, reflect_metadata) = ConnectParams::read(cx, args.get(1))
        .map_err(|refused| refused.throw(cx, "invalid grpc.connect() parameters"))?;
    let Some(grpc) = state(host) else { return Err(cx.throw_go("the module is not open")) };
    let deadline = rt::now() + params.timeout;
    if **client.address.borrow() != *address {
        client.series.clear();
        *client.address.borrow_mut() = address.as_str().into();
    }
    // As in k6 the old one, if it was not closed, is not used any more.
    let old = client.connection.borrow_mut().take();
    drop(old);
    let connection = match params.is_shared.then(|| shared(grpc, &address, &params)).flatten() {
        Some(connection) => connection,
        None => {
            let config = config(host, grpc, &address, &params).map_err(|why| cx.throw_go(&why))?;
            let tally = if params.is_shared { Rc::default() } else { grpc.own_tally() };
            let dialing = Channel::connect(config, tally.traffic.clone(), deadline);
            let channel =
                host.wait_or_throw(cx, Box::pin(dialing))?.map_err(|why| cx.throw_go(&why))?;
            let connection =
                Connection { channel: Rc::new(channel), is_shared: params.is_shared, tally };
            share(grpc, &address, &params, Rc::new(connection))
        }
    };
    *client.connection.borrow_mut() = Some(connection.clone());
    if params.reflects {
        let asking = reflection::ask(&connection.channel, &reflect_metadata, deadline);
        let files = host.wait_or_throw(cx, Box::pin(asking))?.map_err(|why| cx.throw_go(&why))?;
        let schema = load::reflected(&host.world, files)
            .map_err(|why| cx.throw_go(&format!("can't convert method info: {why}")))?;
        client.names.clear();
        client.series.clear();
        client.add(&schema);
    }
    Ok(cx.boolean(true))
}

fn config(
    host: &VuHost,
    grpc: &VuGrpc,
    address: &str,
    params: &ConnectParams,
) -> Result<ChannelConfig, String> {
    let settings = &grpc.settings;
    let tls = match (params.is_plaintext, &params.tls) {
        (true, _) => None,
        (false, Some(tls)) => Some(tls.config(&host.world)?),
        (false, None) => Some(settings.tls().clone()),
    };
    let size = |size: i64, default: usize| {
        usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(default)
    };
    let target =
        address.strip_prefix("dns:///").or_else(|| address.strip_prefix("passthrough:///"));
    Ok(ChannelConfig {
        target: target.unwrap_or(address).to_owned(),
        resolver: settings.resolver().clone(),
        tls,
        authority: Some(params.authority.clone()).filter(|authority| !authority.is_empty()),
        // Unlike for HTTP, k6 has no default of its own.
        user_agent: host.world.config().options.user_agent.clone().unwrap_or_default(),
        local: settings.local_ip(host.id_in_instance),
        max_receive_bytes: size(params.max_receive_size, MAX_RECEIVE_BYTES),
        max_send_bytes: size(params.max_send_size, MAX_SEND_BYTES),
    })
}

fn close(cx: Ctx, this: Raw, _args: Args<'_>) -> JsResult<Val> {
    let client = cx.inner_of::<Client>(this)?;
    let connection = client.connection.borrow_mut().take();
    if let Some(connection) = connection.filter(|connection| !connection.is_shared) {
        connection.channel.close();
    }
    Ok(Val::undefined(cx))
}

/// Who is connected how.
type SharedKey = (Box<str>, ConnectParams);

thread_local! {
    /// Connections that the VUs of this core share: those of runs that are over are gone with their VUs.
    static SHARED: RefCell<Vec<(SharedKey, Weak<Connection>)>> = const { RefCell::new(Vec::new()) };
}

fn shared(grpc: &VuGrpc, address: &str, params: &ConnectParams) -> Option<Rc<Connection>> {
    let found = SHARED.with_borrow(|all| {
        let mut same = all.iter().filter(|((known, how), _)| **known == *address && how == params);
        same.find_map(|(_, connection)| connection.upgrade())
    })?;
    grpc.add_tally(&found.tally);
    Some(found)
}

/// Lets others have the connection too, if it was asked for.
fn share(
    grpc: &VuGrpc,
    address: &str,
    params: &ConnectParams,
    connection: Rc<Connection>,
) -> Rc<Connection> {
    if !params.is_shared {
        return connection;
    }
    // Another VU may have been quicker.
    if let Some(first) = shared(grpc, address, params) {
        return first;
    }
    grpc.add_tally(&connection.tally);
    SHARED.with_borrow_mut(|all| {
        all.retain(|(_, connection)| connection.strong_count() > 0);
        all.push(((address.into(), params.clone()), Rc::downgrade(&connection)));
    });
    connection
}
