// What a case is after the worst: a run killed at any moment, a full disk.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>
#include <fstream>
#include <random>

#include "store/sample.h"

namespace whodunit::store {
namespace {

using test::append_sample;
using test::done;
using test::Folder;
using test::Sample;

/// Runs `work` in a process of its own, so that nothing of DuckDB is left in this one.
template <class Work>
pid_t start(Work work) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is stopped leaves no writer behind
  ::_exit(work());
}

int wait_for(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

constexpr std::uint64_t kRowsPerPacket = 3;

/// Appends for ever: packets of three rows each, in commits of all sizes.
int write_until_killed(const std::string& path, bool exists, unsigned seed, int ready) {
  auto opened = exists ? open_to_append(path) : create_case(path);
  if (!opened) return 2;
  if (::write(ready, "x", 1) != 1) return 5;
  Store& store = **opened;
  std::minstd_rand random(seed);
  record::Batch batch(Sample::schema);
  Capture capture;
  capture.ordinal = store.first_capture();
  std::uint64_t packets = 0;
  while (true) {
    const std::uint64_t n = 1 + random() % (random() % 4 == 0 ? 1200 : 40);
    batch.clear();
    for (std::uint64_t i = 0; i < n * kRowsPerPacket; ++i) append_sample(batch, packets * kRowsPerPacket + i);
    packets += n;
    if (!store.append(batch)) return 3;
    if (random() % 3 != 0) continue;
    capture.packets = packets;
    if (!store.commit(done(packets, false), {&capture, 1})) return 4;
  }
}

/// 0 where the case holds what its own word of progress says, row for row.
int check(const std::string& path) {
  auto opened = open_to_read(path);
  if (!opened) {
    std::fprintf(stderr, "check: %s\n", opened.error().message().c_str());
    return 2;
  }
  auto progress = (*opened)->progress();
  auto captures = (*opened)->captures();
  if (!progress || !captures) return 3;
  std::uint64_t packets = 0;
  for (const Progress& p : *progress) packets += p.packets;
  std::uint64_t captured = 0;
  for (const Capture& c : *captures) captured += c.packets;
  if (captured != packets) return 4;
  std::uint64_t rows = 0;
  bool right = true;
  auto scanned = (*opened)->scan(Sample::schema, {}, [&](const record::Batch& batch) {
    for (std::size_t row = 0; row < batch.rows(); ++row) {
      const std::uint64_t i = batch.head(row).uid.value - 1;
      right &= Sample::read(batch, row).whole == -static_cast<std::int64_t>(i);
    }
    rows += batch.rows();
    return true;
  });
  if (!scanned || !right) return 5;
  if (rows != packets * kRowsPerPacket) {
    std::fprintf(stderr, "%llu rows, %llu packets\n", static_cast<unsigned long long>(rows),
                 static_cast<unsigned long long>(packets));
    return 6;
  }
  return 0;
}

TEST(Survival, KilledAtAnyMoment) {
  test::register_test_schemas();
  // In memory where there is such a place: a kill, unlike a power cut, does not ask what has reached the disk.
  Folder folder(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path());
  const std::string path = folder / "a.case";
  std::mt19937 random(20070903);
  int nothing = 0, begun = 0, continued = 0;
  for (int kill = 0; kill < 200; ++kill) {
    const bool exists = std::filesystem::exists(path);
    // Every other run adds to what the killed one before it left.
    const bool append = exists && random() % 2 == 0;
    if (exists && !append) {
      std::filesystem::remove(path);
      std::filesystem::remove(path + ".wal");
    }
    const unsigned seed = random();
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t writer = start([&] { return write_until_killed(path, append, seed, ready[1]); });
    ::close(ready[1]);
    // One in four while it opens, the others while it writes.
    char byte = 0;
    if (random() % 4 != 0) {
      ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    }
    ::usleep(random() % 40'000);
    ::close(ready[0]);
    ::kill(writer, SIGKILL);
    ASSERT_EQ(wait_for(writer), 1000 + SIGKILL) << "the writer ended by itself";
    if (!std::filesystem::exists(path)) {
      ++nothing;
      continue;
    }
    ASSERT_EQ(wait_for(start([&] { return check(path); })), 0) << "after kill " << kill;
    ++(append ? continued : begun);
  }
  // Otherwise the moments were badly chosen, and the test shows less than it says.
  EXPECT_GT(begun, 20);
  EXPECT_GT(continued, 20);
  RecordProperty("nothing", nothing);
  // What the killed left goes with the next run.
  std::filesystem::remove(path);
  std::filesystem::remove(path + ".wal");
  ASSERT_EQ(wait_for(start([&] { return create_case(path).ok() ? 0 : 1; })), 0);
  EXPECT_EQ(folder.list(), "a.case");
}

std::string bytes_of(const std::string& path, std::size_t from, std::size_t count) {
  std::ifstream in(path, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(from));
  std::string bytes(count, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  return bytes;
}

// The kill whose moment is too short to be met by chance: within a checkpoint, before its header is written, and in the
// middle of a block of metadata that DuckDB overwrites in place.
TEST(Survival, KilledWithinAWriteOfMetadata) {
  test::register_test_schemas();
  Folder folder;
  const std::string path = folder / "a.case";
  ASSERT_EQ(wait_for(start([&] {
              auto opened = create_case(path);
              if (!opened) return 1;
              record::Batch batch(Sample::schema);
              std::uint64_t packets = 0;
              for (int commits = 0; commits < 2; ++commits) {
                batch.clear();
                for (std::uint64_t i = 0; i < 100 * kRowsPerPacket; ++i)
                  append_sample(batch, packets * kRowsPerPacket + i);
                packets += 100;
                Capture capture;
                capture.packets = packets;
                if (!(*opened)->append(batch) || !(*opened)->commit(done(packets, false), {&capture, 1})) return 2;
              }
              ::_exit(0);  // no destructor, as after a kill
            })),
            0);
  // Back to before the header was switched: the headers are the journal's third item, after three words. Each block of
  // metadata is half written.
  const std::string journal = folder / ".a.case.undo";
  ASSERT_TRUE(std::filesystem::exists(journal));
  constexpr std::size_t kHead = 24, kHeaders = 12'288;
  std::uint64_t block_bytes = 0;  // the second of the words
  std::memcpy(&block_bytes, bytes_of(journal, 8, 8).data(), 8);
  ASSERT_GT(block_bytes, 0u);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file << bytes_of(journal, kHead, kHeaders);
  std::size_t blocks = 0;
  for (std::size_t at = kHead + kHeaders; at < std::filesystem::file_size(journal); at += 8 + block_bytes, ++blocks) {
    std::uint64_t block = 0;
    std::memcpy(&block, bytes_of(journal, at, 8).data(), 8);
    file.seekp(static_cast<std::streamoff>(kHeaders + block * block_bytes + block_bytes / 2));
    file << '?';  // a byte is enough: a checksum of equal words would say nothing
  }
  ASSERT_GT(blocks, 0u);
  file.close();
  ASSERT_EQ(wait_for(start([&] { return check(path); })), 0);
  auto opened = open_to_read(path);
  ASSERT_TRUE(opened.ok());
  auto progress = (*opened)->progress();
  ASSERT_TRUE(progress.ok());
  ASSERT_EQ(progress->size(), 1u);
  EXPECT_EQ(progress->front().packets, 100u);
}

TEST(Survival, AFullDiskLeavesWhatWasCommitted) {
  test::register_test_schemas();
  Folder folder;
  const std::string path = folder / "a.case";
  // No file may grow beyond 8 MiB: the same to a program as a disk that is full.
  const int written = wait_for(start([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8u << 20, 8u << 20};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    auto made = create_case(path);
    if (!made) return 3;
    record::Batch batch(Sample::schema);
    std::uint64_t packets = 0;
    Capture capture;
    for (int i = 0; i < 1000; ++i) {
      batch.clear();
      for (std::uint64_t k = 0; k < 3000 * kRowsPerPacket; ++k) append_sample(batch, packets * kRowsPerPacket + k);
      packets += 3000;
      auto appended = (*made)->append(batch);
      capture.packets = packets;
      if (appended) appended = (*made)->commit(done(packets, false), {&capture, 1});
      if (!appended) {
        // In words, once and for all; and the program goes on.
        const std::string message = appended.error().message();
        std::fprintf(stderr, "%s\n", message.c_str());
        if (message.find("no space") == std::string::npos) return 4;
        if ((*made)->append(batch).ok() || (*made)->put_document("x", "1").ok()) return 5;
        return 0;
      }
    }
    return 6;
  }));
  ASSERT_EQ(written, 0);
  ASSERT_EQ(wait_for(start([&] { return check(path); })), 0);
  ASSERT_EQ(wait_for(start([&] {
              auto opened = open_to_read(path);
              return opened && (*opened)->progress()->front().packets > 0 ? 0 : 1;
            })),
            0);
}

TEST(Survival, NoSpaceForEvenTheTables) {
  test::register_test_schemas();
  Folder folder;
  const std::string path = folder / "a.case";
  const int result = wait_for(start([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
    auto made = create_case(path);
    if (made) return 3;
    return made.error().message().find("no space") == std::string::npos ? 4 : 0;
  }));
  EXPECT_EQ(result, 0);
  EXPECT_EQ(folder.list(), "");  // nothing is left of it
}

TEST(Survival, OneWriterAtATime) {
  test::register_test_schemas();
  Folder folder;
  const std::string path = folder / "a.case";
  // The other program makes the case and holds it until it is told to end.
  int ready[2], end[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(end), 0);
  const pid_t other = start([&] {
    ::close(end[1]);
    auto made = create_case(path);
    if (!made) return 1;
    char byte = 'x';
    if (::write(ready[1], &byte, 1) != 1) return 2;
    return ::read(end[0], &byte, 1) == 0 ? 0 : 3;
  });
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(wait_for(start([&] {
              for (const bool to_append : {true, false}) {
                auto opened = to_append ? open_to_append(path) : open_to_read(path);
                if (opened) return 1;
                if (opened.error().message().find("in use") == std::string::npos) return 2;
              }
              return 0;
            })),
            0);
  ::close(end[1]);
  EXPECT_EQ(wait_for(other), 0);
  EXPECT_EQ(wait_for(start([&] { return open_to_append(path).ok() ? 0 : 1; })), 0);
  for (const int fd : {ready[0], ready[1], end[0]}) ::close(fd);
}

}  // namespace
}  // namespace whodunit::store
