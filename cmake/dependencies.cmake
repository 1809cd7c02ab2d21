# Debian's packages, and DuckDB from npm's (./dev setup brings both).
find_package(PkgConfig REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(LibLZMA REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(Boost REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
pkg_check_modules(pcap REQUIRED IMPORTED_TARGET libpcap)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(lz4 REQUIRED IMPORTED_TARGET liblz4)
pkg_check_modules(brotli REQUIRED IMPORTED_TARGET libbrotlidec)
pkg_check_modules(maxminddb REQUIRED IMPORTED_TARGET libmaxminddb)
pkg_check_modules(simdjson REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(tomlplusplus REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(xxhash REQUIRED IMPORTED_TARGET libxxhash)
add_library(xxHash::xxHash ALIAS PkgConfig::xxhash)

if(NOT EXISTS ${WHODUNIT_DEPS}/duckdb/libduckdb.so)
  message(FATAL_ERROR "DuckDB is not in ${WHODUNIT_DEPS}/duckdb: run ./dev setup first (or set WHODUNIT_DEPS)")
endif()
# Copied beside the program, which finds it by $ORIGIN/lib.
file(COPY ${WHODUNIT_DEPS}/duckdb/libduckdb.so DESTINATION ${CMAKE_BINARY_DIR}/lib)
add_library(duckdb::duckdb SHARED IMPORTED)
set_target_properties(duckdb::duckdb PROPERTIES
  IMPORTED_LOCATION ${CMAKE_BINARY_DIR}/lib/libduckdb.so
  INTERFACE_INCLUDE_DIRECTORIES ${WHODUNIT_DEPS}/duckdb)
