#include "store/duckdb/case_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace whodunit::store::duckdb {
namespace fs = std::filesystem;

std::string hidden_name(const std::string& path, const std::string& what) {
  const fs::path p(path);
  return (p.parent_path() / fmt::format(".{}.{}", p.filename().string(), what)).string();
}

void remove_leftovers(const std::string& path) {
  const fs::path p(path);
  const fs::path folder = p.has_parent_path() ? p.parent_path() : fs::path(".");
  const std::string name = p.filename().string();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    for (const std::string& prefix : {fmt::format(".{}.tmp-", name), fmt::format(".{}.spill-", name)}) {
      if (!file.starts_with(prefix)) continue;
      const std::string_view rest = std::string_view(file).substr(prefix.size());
      pid_t pid = 0;
      const auto r = std::from_chars(rest.data(), rest.data() + rest.size(), pid);
      if (r.ec != std::errc{} || pid <= 0 || pid == ::getpid()) continue;
      if (::kill(pid, 0) == 0 || errno != ESRCH) continue;
      std::error_code ignored;
      fs::remove_all(entry.path(), ignored);
    }
  }
}

bool is_duckdb_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char start[12] = {};
  in.read(start, sizeof start);
  return in.gcount() == sizeof start && std::memcmp(start + 8, "DUCK", 4) == 0;
}

void sync_folder(const std::string& path) {
  const fs::path p(path);
  const std::string folder = p.has_parent_path() ? p.parent_path().string() : ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace whodunit::store::duckdb
