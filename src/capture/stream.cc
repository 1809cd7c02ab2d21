#include "capture/stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace whodunit::capture {

void OpenFiles::opened(FileStream* stream) {
  if (open_.size() >= most_) {
    FileStream* oldest = nullptr;
    for (FileStream* other : open_) {
      if (oldest == nullptr || other->last_use_ < oldest->last_use_) oldest = other;
    }
    if (oldest != nullptr) oldest->park();
  }
  open_.push_back(stream);
}

void OpenFiles::closed(FileStream* stream) { std::erase(open_, stream); }

FileStream::FileStream(std::string path, int fd, bool can_reopen, OpenFiles* files)
    : path_(std::move(path)), fd_(fd), can_reopen_(can_reopen && files != nullptr), files_(files) {
  if (can_reopen_) {
    last_use_ = files_->tick();
    files_->opened(this);
  }
}

FileStream::~FileStream() { park(); }

void FileStream::park() {
  if (fd_ < 0) return;
  if (can_reopen_) files_->closed(this);
  if (fd_ != STDIN_FILENO) ::close(fd_);
  fd_ = -1;
}

bool FileStream::ensure_open() {
  if (fd_ >= 0) return true;
  if (!can_reopen_) return false;
  const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0 || ::lseek(fd, static_cast<off_t>(offset_), SEEK_SET) < 0) {
    error_ = std::string("could not be opened again: ") + std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return false;
  }
  fd_ = fd;
  files_->opened(this);
  return true;
}

std::size_t FileStream::read(Block& block, std::size_t offset, std::size_t most) {
  if (at_end_ || !error_.empty()) return 0;
  if (files_ != nullptr) last_use_ = files_->tick();
  if (!ensure_open()) return 0;
  const ssize_t got = ::read(fd_, block.data.get() + offset, most);
  if (got < 0) {
    // The one signal that does not let a read go on is the user's wish to stop, who may wait for a silent pipe.
    error_ = errno == EINTR ? "interrupted" : std::string("reading failed: ") + std::strerror(errno);
    return 0;
  }
  if (got == 0) {
    at_end_ = true;
    return 0;
  }
  offset_ += static_cast<std::uint64_t>(got);
  if (digester_ != nullptr) digester_->add(job_, block, offset, static_cast<std::size_t>(got));
  return static_cast<std::size_t>(got);
}

}  // namespace whodunit::capture
