//! Property names the host reads or writes, interned once for each realm.

use super::{Atom, Ctx};

macro_rules! atoms {
    ($($field:ident = $name:literal),* $(,)?) => {
        /// Interned property names of one realm.
        #[derive(Debug, Default, Clone, Copy)]
        #[allow(missing_docs)]
        pub struct Atoms { $(pub $field: Atom),* }

        impl Atoms {
            /// Interns them all.
            pub fn intern(cx: Ctx) -> Atoms {
                Atoms { $($field: cx.atom($name)),* }
            }
        }
    };
}

atoms! {
    // modules and lifecycle
    default = "default", exports = "exports", options = "options", iter = "__ITER", env = "__ENV",
    // errors
    name = "name", message = "message", stack = "stack", value = "value",
    // http: params
    headers = "headers", cookies = "cookies", jar = "jar", tags = "tags", timeout = "timeout",
    redirects = "redirects", auth = "auth", compression = "compression", response_type = "responseType",
    response_callback = "responseCallback", throw = "throw", replace = "replace",
    // http: request, response
    method = "method", url = "url", body = "body", params = "params", status = "status",
    data = "data", filename = "filename", content_type = "content_type", request = "request",
    timings = "timings",
}
