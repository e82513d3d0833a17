// A value of a type that may cross the socket, with no field at its default.
#pragma once

namespace banger::test {

template <class T>
T sample() {
  return {}; // types without fields; a type with fields must not end here, see wire_bytes.test.cpp
}

} // namespace banger::test
