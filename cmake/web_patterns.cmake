# The patterns of web attacks are compiled by the build, not in each run.
add_executable(web_patterns_database tools/web_patterns_database/main.cc src/detect/web_compile.cc src/detect/web_patterns.cc)
target_include_directories(web_patterns_database PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(web_patterns_database PRIVATE PkgConfig::hs whodunit_flags)
set(WHODUNIT_WEB_DATABASE ${CMAKE_BINARY_DIR}/generated/web_patterns_database.cc)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${WHODUNIT_WEB_DATABASE}
  COMMAND web_patterns_database ${WHODUNIT_WEB_DATABASE}
  DEPENDS web_patterns_database VERBATIM)
target_sources(whodunit_detect PRIVATE ${WHODUNIT_WEB_DATABASE})
