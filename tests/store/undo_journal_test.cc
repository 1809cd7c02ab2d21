#include "store/duckdb/undo_journal.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "store/sample.h"

namespace whodunit::store::duckdb {
namespace {

constexpr std::size_t kBlock = 4096;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

void write_at(const std::string& path, std::size_t at, const std::string& bytes) {
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(static_cast<std::streamoff>(at));
  out << bytes;
}

class UndoJournalTest : public testing::Test {
 protected:
  UndoJournalTest() {
    std::string bytes(kHeaderBytes, 'h');
    for (char c = 'a'; c < 'e'; ++c) bytes += std::string(kBlock, c);
    std::ofstream(path_, std::ios::binary) << bytes;
    const std::vector<std::uint64_t> blocks = {0, 2};
    EXPECT_TRUE(journal_.save(blocks, kBlock).ok());
    before_ = bytes;
  }

  test::Folder folder_;
  std::string path_ = folder_ / "a.case";
  std::string journal_path_ = folder_ / "undo";
  UndoJournal journal_{path_, journal_path_};
  std::string before_;
};

TEST_F(UndoJournalTest, PutsBackWhatAnUnfinishedCheckpointOverwrote) {
  write_at(path_, kHeaderBytes + 2 * kBlock, "torn");
  write_at(path_, kHeaderBytes + 4 * kBlock, "a new block");
  ASSERT_TRUE(journal_.recover().ok());
  EXPECT_EQ(read_file(path_), before_ + "a new block");
  EXPECT_FALSE(std::filesystem::exists(journal_path_));
}

TEST_F(UndoJournalTest, LeavesAFinishedCheckpointAlone) {
  write_at(path_, kHeaderBytes + 2 * kBlock, "written");
  write_at(path_, 8192, "the other header");
  const std::string after = read_file(path_);
  ASSERT_TRUE(journal_.recover().ok());
  EXPECT_EQ(read_file(path_), after);
  EXPECT_FALSE(std::filesystem::exists(journal_path_));
}

TEST_F(UndoJournalTest, ABrokenJournalChangesNothing) {
  std::filesystem::resize_file(journal_path_, std::filesystem::file_size(journal_path_) - 1);
  write_at(path_, kHeaderBytes, "torn");
  const std::string after = read_file(path_);
  ASSERT_TRUE(journal_.recover().ok());
  EXPECT_EQ(read_file(path_), after);
}

TEST_F(UndoJournalTest, ABlockBeyondTheFileIsNotWritten) {
  std::filesystem::resize_file(path_, kHeaderBytes + kBlock);
  ASSERT_TRUE(journal_.recover().ok());
  EXPECT_EQ(std::filesystem::file_size(path_), kHeaderBytes + kBlock);
}

}  // namespace
}  // namespace whodunit::store::duckdb
