# Texts that are compiled in: schemas/index.sql becomes the header tenure_generated/index_schema.h.
set(TENURE_INDEX_SQL ${CMAKE_SOURCE_DIR}/schemas/index.sql)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${TENURE_INDEX_SQL})
file(READ ${TENURE_INDEX_SQL} TENURE_INDEX_SCHEMA)
configure_file(${CMAKE_SOURCE_DIR}/store/index/index_schema.h.in
               ${CMAKE_BINARY_DIR}/generated/tenure_generated/index_schema.h @ONLY)
