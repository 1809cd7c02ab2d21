#include "protocol/smb/session.h"

#include <algorithm>

#include "base/hash.h"

namespace whodunit::protocol::smb {

std::string_view status_name(std::uint32_t status) {
  switch (status) {
    case 0x00000000:
      return "SUCCESS";
    case 0xc0000016:
      return "MORE_PROCESSING_REQUIRED";
    case 0xc0000022:
      return "ACCESS_DENIED";
    case 0xc000005e:
      return "NO_LOGON_SERVERS";
    case 0xc0000064:
      return "NO_SUCH_USER";
    case 0xc000006a:
      return "WRONG_PASSWORD";
    case 0xc000006d:
      return "LOGON_FAILURE";
    case 0xc000006e:
      return "ACCOUNT_RESTRICTION";
    case 0xc000006f:
      return "INVALID_LOGON_HOURS";
    case 0xc0000070:
      return "INVALID_WORKSTATION";
    case 0xc0000071:
      return "PASSWORD_EXPIRED";
    case 0xc0000072:
      return "ACCOUNT_DISABLED";
    case 0xc000015b:
      return "LOGON_TYPE_NOT_GRANTED";
    case 0xc0000193:
      return "ACCOUNT_EXPIRED";
    case 0xc0000224:
      return "PASSWORD_MUST_CHANGE";
    case 0xc0000234:
      return "ACCOUNT_LOCKED_OUT";
    default:
      return "OTHER";
  }
}

Opt<Time> file_time(std::uint64_t value) {
  constexpr std::int64_t kEpoch = 116444736000000000;  // 1601 to 1970, in units of 100 ns
  constexpr std::int64_t kMost = 92233720368547758;    // what 64 bits of nanoseconds reach, 292 years
  const auto since = static_cast<std::int64_t>(value - static_cast<std::uint64_t>(kEpoch));
  if (value == 0 || since < -kMost || since > kMost) return {};
  return Time{since * 100};
}

void Session::pend(const Context& context, Pending p) {
  p.ts = context.now();
  p.place = context.place();
  if (pending_.size() >= kMaxPending) pending_.erase(pending_.begin());
  pending_.push_back(std::move(p));
}

bool Session::take(std::uint64_t message, Pending& out) {
  const auto it =
      std::find_if(pending_.begin(), pending_.end(), [&](const Pending& p) { return p.message == message; });
  if (it == pending_.end()) return false;
  out = std::move(*it);
  pending_.erase(it);
  return true;
}

Tree& Session::tree(std::uint32_t id) {
  const auto it = trees_.find(id);
  if (it != trees_.end()) return it->second;
  if (trees_.size() >= kMaxTrees) trees_.erase(trees_.begin());
  return trees_[id];
}

const Tree* Session::find_tree(std::uint32_t id) const {
  const auto it = trees_.find(id);
  return it == trees_.end() ? nullptr : &it->second;
}

void Session::mapped(Context& context, const Tree& tree, const Pending* request) {
  SmbMapping row;
  row.head = context.head(context.now(), context.place());
  if (request != nullptr) {
    row.head.ts = request->ts;
    record::extend(row.head.place, request->place);
  }
  if (!tree.path.empty()) row.path = tree.path;
  if (!tree.service.empty()) row.service = tree.service;
  if (!tree.file_system.empty()) row.native_file_system = tree.file_system;
  row.share_type = tree.share_type;
  context.emit(row);
}

void Session::write(Context& context, const OpenFile& file, std::string_view action, std::string_view previous,
                    const Pending* request) {
  if (file.name.empty()) return;
  if (file.times.modified) {
    // The same file over and over: once is enough. When it was last read does not make it another.
    const std::string seen = std::string(action) + '\n' + file.name + '\n' + file.path + '\n' +
                             std::to_string(file.size) + '\n' + std::to_string(file.times.modified->ns) + '\n' +
                             std::to_string(file.times.created ? file.times.created->ns : 0) + '\n' +
                             std::to_string(file.times.changed ? file.times.changed->ns : 0);
    constexpr base::Duration kForgotten = base::seconds(180);  // as Zeek has it
    if (recent_.size() >= kMaxRecent) recent_.clear();
    const auto [last, fresh] = recent_.try_emplace(base::fast_hash(seen), context.now());
    const bool told = !fresh && context.now() - last->second < kForgotten;
    last->second = context.now();
    if (told) return;
  }
  SmbFiles row;
  row.head = context.head(context.now(), context.place());
  row.fuid = file.fuid;
  row.action = action;
  if (!file.path.empty()) row.path = file.path;
  row.name = file.name;
  row.size = file.size;
  if (!previous.empty()) row.prev_name = previous;
  row.times_modified = file.times.modified;
  row.times_accessed = file.times.accessed;
  row.times_created = file.times.created;
  row.times_changed = file.times.changed;
  if (request != nullptr) {
    row.head.ts = request->ts;
    record::extend(row.head.place, request->place);
    static constexpr std::string_view kDispositions[] = {"supersede", "open",      "create",
                                                         "open_if",   "overwrite", "overwrite_if"};
    row.access = request->access;
    if (request->disposition < std::size(kDispositions)) row.disposition = kDispositions[request->disposition];
    row.delete_on_close = (request->options & 0x1000) != 0;
  }
  context.emit(row);
}

void Session::opened(Context& context, std::uint64_t id, const Pending& request, const Tree* tree, std::uint64_t size,
                     const Times& times, bool always_file) {
  if (OpenFile* old = file(id)) {
    end(context, *old);
    files_.erase(id);
  }
  if (files_.size() >= kMaxFiles) {
    end(context, files_.begin()->second);
    files_.erase(files_.begin());
    context.weird("smb_open_files_limit");
  }
  OpenFile& f = files_[id];
  f.name = request.text;
  f.size = size;
  if (times.modified && times.modified->ns > 0) f.times = times;
  const std::string_view type = tree != nullptr ? tree->share_type : "DISK";
  if (tree != nullptr) f.path = tree->path;
  f.pipe = type == "PIPE";
  f.pipe_sure = tree != nullptr && tree->known;
  const std::string_view action = always_file       ? "SMB::FILE_OPEN"
                                  : type == "PIPE"  ? "SMB::PIPE_OPEN"
                                  : type == "PRINT" ? "SMB::PRINT_OPEN"
                                                    : "SMB::FILE_OPEN";
  write(context, f, action, {}, &request);
}

OpenFile* Session::file(std::uint64_t id) {
  const auto it = files_.find(id);
  return it == files_.end() ? nullptr : &it->second;
}

void Session::renamed(Context& context, std::uint64_t id, const std::string& name) {
  OpenFile* f = file(id);
  OpenFile unknown;
  if (f == nullptr) f = &unknown;
  const std::string previous = f->name;
  f->name = name;
  write(context, *f, "SMB::FILE_RENAME", previous, nullptr);
}

void Session::deleted(Context& context, std::uint64_t id) {
  if (const OpenFile* f = file(id)) write(context, *f, "SMB::FILE_DELETE", {}, nullptr);
}

void Session::content(Context& context, std::uint64_t id, Direction direction, std::uint64_t offset, Bytes data) {
  if (data.empty()) return;
  OpenFile* f = file(id);
  if (f == nullptr || f->pipe || !f->pipe_sure) {
    pipe(context, id, direction, data);
    f = file(id);
    if (f == nullptr || f->pipe || f->channel) return;
  }
  if (!context.has_files()) return;
  FileHandle& handle = f->content[connection::index(direction)];
  if (!handle) {
    FileStart start;
    start.source = "SMB";
    start.direction = direction;
    start.ordinal = files_seen_++;
    start.name = f->name;
    if (direction == Direction::kResponder && f->size != 0) start.total_bytes = f->size;
    handle = context.files().open(context, start);
    if (!handle) return;
    f->fuid = handle->fuid();
  }
  context.files().data_at(context, *handle, offset, data);
  // Read once more from its beginning, it crosses once more.
  if (handle->complete()) context.files().close(context, handle);
}

void Session::pipe(Context& context, std::uint64_t id, Direction direction, Bytes data) {
  OpenFile* f = file(id);
  const bool looks = dce_rpc::Channel::length_of(data) != SIZE_MAX && data.size() >= 16;
  if (f == nullptr) {
    if (!looks || files_.size() >= kMaxFiles) return;
    f = &files_[id];
    f->pipe = true;
  }
  if (!f->channel) {
    if (!looks) return;
    f->pipe = true;
    f->channel = std::make_unique<dce_rpc::Channel>();
    f->channel->set_pipe(f->name);
  }
  if (!f->channel->data(context, direction, data, authentication)) {
    f->channel->finish(context);
    f->channel.reset();
  }
}

void Session::end(Context& context, OpenFile& file) {
  if (file.channel) file.channel->finish(context);
  for (FileHandle& handle : file.content)
    if (handle) context.files().close(context, handle);
}

void Session::closed(Context& context, std::uint64_t id) {
  const auto it = files_.find(id);
  if (it == files_.end()) return;
  end(context, it->second);
  files_.erase(it);
}

void Session::finish(Context& context) {
  for (auto& [id, file] : files_) end(context, file);
  files_.clear();
  authentication.finish(context);
}

}  // namespace whodunit::protocol::smb
