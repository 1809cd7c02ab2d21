// The beginnings of bodies that detectors look at.
#pragma once

#include <string>
#include <string_view>

namespace whodunit::protocol::http {

/// Text that is safe to store and show: control characters and what is no UTF-8 become '.'. Appends to `out`.
void append_safe(std::string_view bytes, std::string& out);

/// Replaces the values of passwords, tokens and the like in a form, a JSON text or a query by "***".
std::string without_secrets(std::string_view text);

}  // namespace whodunit::protocol::http
