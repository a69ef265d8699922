//! Strings across the boundary, each in one call of Node-API: napi's own `String` asks for the length first, and makes
//! all strings of UTF-8.

use napi::bindgen_prelude::{FromNapiValue, ToNapiValue, TypeName, ValidateNapiValue};
use napi::{Env, Status, ValueType, check_status, sys};
use std::mem::MaybeUninit;
use std::ptr;

/// A JavaScript string. Lone surrogates become U+FFFD.
pub struct Text(pub String);

impl Text {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A JavaScript string; in `room` if it is short, whatever that holds.
    ///
    /// # Safety
    /// `env` and `value` must be those of the call that is being served.
    pub unsafe fn within(
        room: impl FnOnce() -> Vec<u8>,
        env: sys::napi_env,
        value: sys::napi_value,
    ) -> napi::Result<Self> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); STACK_BYTES];
        // SAFETY: as the caller grants, and Node writes at most STACK_BYTES.
        let length = unsafe { read(env, value, buffer.as_mut_ptr().cast(), STACK_BYTES)? };
        // One that fills the buffer may have been cut: Node stops before a character that does not fit whole.
        let bytes = if length + MAX_CHARACTER < STACK_BYTES {
            let mut bytes = room();
            bytes.clear();
            bytes.reserve_exact(length);
            // SAFETY: Node has written that many bytes.
            bytes.extend_from_slice(unsafe { std::slice::from_raw_parts(buffer.as_ptr().cast(), length) });
            bytes
        } else {
            // SAFETY: as above; a null buffer asks for the length alone, without the NUL at the end.
            let length = unsafe { read(env, value, ptr::null_mut(), 0)? };
            let mut bytes = Vec::<u8>::with_capacity(length + 1);
            // SAFETY: the capacity is what Node is told, and the new length what it has written.
            unsafe {
                let written = read(env, value, bytes.as_mut_ptr().cast(), length + 1)?;
                bytes.set_len(written);
            }
            bytes
        };
        String::from_utf8(bytes).map(Self).map_err(|error| napi::Error::new(Status::StringExpected, error.to_string()))
    }
}

/// Most keys and sessions are shorter; longer ones take a second call.
const STACK_BYTES: usize = 2048;

impl FromNapiValue for Text {
    unsafe fn from_napi_value(env: sys::napi_env, value: sys::napi_value) -> napi::Result<Self> {
        // SAFETY: as the caller grants.
        unsafe { Self::within(Vec::new, env, value) }
    }
}

/// The longest character in UTF-8, and the NUL.
const MAX_CHARACTER: usize = 4;

/// SAFETY: `buffer` must have room for `size` bytes, or be null.
unsafe fn read(
    env: sys::napi_env,
    value: sys::napi_value,
    buffer: *mut std::ffi::c_char,
    size: usize,
) -> napi::Result<usize> {
    let mut length = 0;
    // SAFETY: as the caller grants.
    check_status!(unsafe { sys::napi_get_value_string_utf8(env, value, buffer, size, &mut length) })?;
    Ok(length)
}

impl From<Text> for String {
    fn from(Text(text): Text) -> Self {
        text
    }
}

impl TypeName for Text {
    fn type_name() -> &'static str {
        "String"
    }

    fn value_type() -> ValueType {
        ValueType::String
    }
}

impl ValidateNapiValue for Text {}

/// A string that was made already.
pub struct Made(sys::napi_value);

impl ToNapiValue for Made {
    unsafe fn to_napi_value(_: sys::napi_env, Self(value): Self) -> napi::Result<sys::napi_value> {
        Ok(value)
    }
}

/// A JavaScript string of a text that is borrowed.
pub fn made(env: Env, text: &str) -> napi::Result<Made> {
    // SAFETY: napi hands out an Env for the call that is being served.
    unsafe { to_js(env.raw(), text).map(Made) }
}

impl ToNapiValue for Text {
    unsafe fn to_napi_value(env: sys::napi_env, Self(text): Self) -> napi::Result<sys::napi_value> {
        // SAFETY: env is that of the call that is being served.
        unsafe { to_js(env, &text) }
    }
}

/// A JavaScript string of a text that is borrowed. ASCII, as most sessions are, needs no decoding.
///
/// # Safety
/// `env` must be that of the call that is being served.
pub unsafe fn to_js(env: sys::napi_env, text: &str) -> napi::Result<sys::napi_value> {
    let make = if text.is_ascii() { sys::napi_create_string_latin1 } else { sys::napi_create_string_utf8 };
    let mut value = ptr::null_mut();
    // SAFETY: as the caller grants; pointer and length are those of a living string.
    check_status!(unsafe { make(env, text.as_ptr().cast(), text.len() as isize, &mut value) })?;
    Ok(value)
}
