#include "compare/testimony.h"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <set>

namespace tool {
namespace {

struct Record {
  pid_t process = 0;
  std::string program, malloc_file, free_file;
};

std::optional<std::string> take_text(std::string_view& records) {
  const size_t zero = records.find('\0');
  if (zero == records.npos) return std::nullopt;
  std::string text(records.substr(0, zero));
  records.remove_prefix(zero + 1);
  return text;
}

// The next whole record, which is taken off.
std::optional<Record> take_record(std::string_view& records) {
  Record record;
  if (records.size() < sizeof record.process) return std::nullopt;
  std::memcpy(&record.process, records.data(), sizeof record.process);
  records.remove_prefix(sizeof record.process);
  for (std::string* text : {&record.program, &record.malloc_file, &record.free_file}) {
    std::optional<std::string> taken = take_text(records);
    if (!taken) return std::nullopt;
    *text = std::move(*taken);
  }
  return record;
}

bool is_c_library(const std::string& file) {
  const std::string name = std::filesystem::path(file).filename();
  return name.starts_with("libc.so") || name.starts_with("libc-2");
}

bool is_library_of(const Allocator& allocator, const std::string& file) {
  if (allocator.is_glibc()) return is_c_library(file);
  std::error_code error;
  return std::filesystem::equivalent(file, allocator.library, error);
}

// Why that process is none of the allocator's, or empty.
std::string objection(const Record& record, const Allocator& allocator) {
  if (!is_library_of(allocator, record.malloc_file))
    return is_c_library(record.malloc_file)
               ? fmt::format("the malloc of {} is glibc's: the library has none, or was not loaded", record.program)
               : fmt::format("the malloc of {} is the one in {}", record.program, record.malloc_file);
  if (record.free_file != record.malloc_file)
    return fmt::format("the malloc of {} is in {}, but its free in {}", record.program, record.malloc_file,
                       record.free_file);
  return "";
}

}  // namespace

Judgement judge(std::string_view records, pid_t started, const Allocator& allocator) {
  Judgement judgement;
  bool has_spoken = false;
  std::set<std::string> accepted;  // files: a run may start thousands of processes
  while (const std::optional<Record> record = take_record(records)) {
    if (record->process == started) {
      has_spoken = true;
      judgement.malloc_file = record->malloc_file;
    }
    if (record->malloc_file == record->free_file && accepted.contains(record->malloc_file)) continue;
    judgement.refusal = objection(*record, allocator);
    if (!judgement.refusal.empty()) return judgement;
    accepted.insert(record->malloc_file);
  }
  if (!has_spoken) judgement.refusal = "nothing was preloaded into the program: is it static, or does it gain rights?";
  return judgement;
}

}  // namespace tool
