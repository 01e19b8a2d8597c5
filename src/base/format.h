// Text without malloc: numbers as short strings, and a sink that puts strings into a buffer of the caller's.
// Called by everything that prints (os/output, conf, print, guard). Must not allocate, nor know files: a sink that
// writes somewhere gets a callback.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hak {

/// A short text by value, what the number formatters return; reads as a string_view.
class Short {
 public:
  static constexpr size_t kMost = 31;

  constexpr Short() = default;
  constexpr operator std::string_view() const { return {text_, size_}; }
  constexpr size_t size() const { return size_; }

  constexpr void push(char c) {
    if (size_ < kMost) text_[size_++] = c;
  }
  constexpr void append(std::string_view s) {
    for (const char c : s) push(c);
  }

 private:
  char text_[kMost] = {};
  uint8_t size_ = 0;
};
static_assert(sizeof(Short) == 32);

/// `n` in decimal: "12345".
Short decimal(uint64_t n);

/// `n` in hexadecimal, without prefix: "1c40".
Short hex(uint64_t n);

/// An address: "0x7f12a4c01040"; null is "0x0".
Short address(const void* at);

/// `bytes` in the largest binary unit that leaves at least 1, one decimal where it isn't whole: "1.5 MiB", "64 B",
/// rounded down, so that no limit ever reads as reached before it is.
Short human_bytes(uint64_t bytes);

/// A count in at most `width` characters: exact if it fits, else "12.3M" (thousands, millions: 1000s), rounded down.
/// width: at least 6, else the text is longer than that.
Short count_within(uint64_t n, size_t width);

/// part/whole in per cent with one decimal, rounded down: "99.9"; "-" where whole is 0. part <= whole.
Short percent(uint64_t part, uint64_t whole);

/// Puts text into a fixed buffer. Without a flush function it keeps what fits and goes on counting, as snprintf(3);
/// with one it hands the buffer over whenever it is full. Owns nothing. Threads: one at a time.
class Text {
 public:
  using Flush = void (*)(void* context, std::string_view bytes);

  /// Keeps the first `capacity` bytes; no final null.
  constexpr Text(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) {}

  /// Calls on_full(context, bytes) when full and on flush(). capacity: at least 1.
  constexpr Text(char* buffer, size_t capacity, Flush on_full, void* context)
      : buffer_(buffer), capacity_(capacity), flush_(on_full), context_(context) {}

  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  Text& add(std::string_view s);
  Text& add(char c) { return add(std::string_view(&c, 1)); }
  Text& add(uint64_t n) { return add(decimal(n)); }  // decimal

  /// `c` repeated `times`.
  Text& fill(char c, size_t times);
  /// `s` padded with blanks to `width` bytes, at the right or the left side; longer text is kept whole.
  Text& left(size_t width, std::string_view s);
  Text& right(size_t width, std::string_view s);

  /// Hands over what is left; nothing without a flush function.
  void flush();

  /// Bytes added so far, those that didn't fit included.
  size_t length() const { return length_; }
  /// What is in the buffer now.
  std::string_view view() const { return {buffer_, used_}; }
  bool truncated() const { return flush_ == nullptr && length_ > used_; }

 private:
  char* buffer_;
  size_t capacity_;
  size_t used_ = 0;    // used_ <= capacity_
  size_t length_ = 0;  // used_ <= length_
  Flush flush_ = nullptr;
  void* context_ = nullptr;
};

/// A Text with its buffer: `FixedText<256> line;`.
template <size_t kBytes>
class FixedText : public Text {
 public:
  FixedText() : Text(bytes_, kBytes) {}

 private:
  char bytes_[kBytes];
};

}  // namespace hak
