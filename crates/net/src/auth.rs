//! Answers to a server's challenges: digest (RFC 7616) and NTLM (MS-NLMP). Only what is computed: which
//! request is sent when is the caller's business, and so is randomness.

pub mod digest;
pub mod ntlm;
