// What SMB's two formats have in common on one connection: trees, files, pipes, logins.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "protocol/dce_rpc/dce_rpc.h"
#include "protocol/files/files.h"
#include "protocol/gssapi/gssapi.h"
#include "protocol/smb/smb.h"

namespace whodunit::protocol::smb {

/// [MS-ERREF] 2.3: names of the status codes that tell of logins; "OTHER" for the rest.
std::string_view status_name(std::uint32_t status);

/// 100 ns since 1601 ([MS-DTYP] 2.3.3); unset for 0 and what a Time cannot hold (before 1677, after 2262).
Opt<Time> file_time(std::uint64_t value);

struct Times {
  Opt<Time> modified, accessed, created, changed;
};

struct Tree {
  std::string path, service, file_system;
  std::string_view share_type = "DISK";
  bool known = false;
};

struct OpenFile {
  std::string name, path;
  std::uint64_t size = 0;
  Times times;
  bool pipe = false;
  bool pipe_sure = false;  // its tree was seen
  std::unique_ptr<dce_rpc::Channel> channel;
  FileHandle content[2];  // what was written, what was read
  record::Fuid fuid;
};

/// What a request asked for, until its response.
struct Pending {
  Time ts;
  record::Place place;
  std::uint64_t message = 0;
  std::uint64_t file = 0;
  std::uint64_t offset = 0;
  std::uint32_t tree = 0;
  std::uint16_t command = 0;
  std::string text, text2;  // a file's or a share's name
  std::uint32_t access = 0, disposition = 0, options = 0;
};

/// What SMB 1 says about the order of messages, held against a connection ([MS-CIFS] 3.2.4.1.5: process and multiplex
/// ids are the client's to choose; 2.2.1.6.4 and 3.2.5.1.4: all parts of a transaction carry its ids and its kind).
class Order1 {
 public:
  struct Ids {
    std::uint16_t process = 0, multiplex = 0, tree = 0, user = 0;
    auto operator<=>(const Ids&) const = default;
  };
  void request(Context& context, std::uint8_t command, const Ids& ids, Bytes words);
  void response(Context& context, std::uint8_t command, const Ids& ids, std::uint32_t status, Bytes words);
  /// Messages were lost: what was asked is not known any more.
  void missed() { all_asked_ = false; }

 private:
  static constexpr std::size_t kMaxAsked = 1024, kMaxOpen = 64;
  std::set<std::uint32_t> asked_;     // process and multiplex ids that the client used
  bool all_asked_ = true;             // none was forgotten, and the beginning was seen
  std::map<Ids, std::uint8_t> open_;  // transactions under way, by their first command
  std::set<std::uint32_t> peeks_;     // asked to look into pipe 0
};

class Session {
 public:
  static constexpr std::size_t kMaxTrees = 128, kMaxFiles = 1024, kMaxPending = 256, kMaxRecent = 512;

  void pend(const Context& context, Pending p);
  /// Takes the pending request out; false where there is none.
  bool take(std::uint64_t message, Pending& out);

  Tree& tree(std::uint32_t id);
  const Tree* find_tree(std::uint32_t id) const;
  void drop_tree(std::uint32_t id) { trees_.erase(id); }
  void mapped(Context& context, const Tree& tree, const Pending* request);

  /// A file was opened: the record is written and the file is known by `id` from now on.
  void opened(Context& context, std::uint64_t id, const Pending& request, const Tree* tree, std::uint64_t size,
              const Times& times, bool always_file);
  OpenFile* file(std::uint64_t id);
  void renamed(Context& context, std::uint64_t id, const std::string& name);
  void deleted(Context& context, std::uint64_t id);
  void closed(Context& context, std::uint64_t id);
  /// Bytes of a file or a pipe.
  void content(Context& context, std::uint64_t id, Direction direction, std::uint64_t offset, Bytes data);
  /// Bytes of a pipe whose opening was not seen are looked at as well, where they can only be DCE/RPC.
  void pipe(Context& context, std::uint64_t id, Direction direction, Bytes data);

  void finish(Context& context);
  gssapi::Session authentication;
  std::unique_ptr<Order1> order1;  // from the first message of SMB 1 on

 private:
  void write(Context& context, const OpenFile& file, std::string_view action, std::string_view previous,
             const Pending* request);
  void end(Context& context, OpenFile& file);

  std::vector<Pending> pending_;
  std::map<std::uint32_t, Tree> trees_;
  std::map<std::uint64_t, OpenFile> files_;
  std::map<std::uint64_t, base::Time> recent_;  // rows that were written, by their digest, and when last asked for
  std::uint64_t files_seen_ = 0;
};

/// One message of each format, from its first byte on (NetBIOS' header left out). False where it is malformed.
bool message1(Context& context, Session& session, Direction direction, Bytes message);
bool message2(Context& context, Session& session, Direction direction, Bytes message);

}  // namespace whodunit::protocol::smb
