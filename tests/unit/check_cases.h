/* check_cases.h - models for the tests of the check, put together from their fields. */
#ifndef SNNFIT_TESTS_CHECK_CASES_H
#define SNNFIT_TESTS_CHECK_CASES_H

#include "proto/check.h"
#include "proto_bytes.h"

#include <stdarg.h>

/* Any number of fields, one after the other. */
#define ALL(...)                                                                                   \
	all((struct bytes[]){ __VA_ARGS__ },                                                       \
	    sizeof((struct bytes[]){ __VA_ARGS__ }) / sizeof(struct bytes))

static inline struct bytes
all(const struct bytes *fields, size_t count)
{
	struct bytes joined = bytes_of("", 0);

	for (size_t i = 0; i < count; i++)
		add(&joined, fields[i]);
	return joined;
}

static inline struct bytes
nothing(void)
{
	return bytes_of("", 0);
}

/* A field for each of the names, which blanks part; "-" is an empty name. */
static inline struct bytes
names(uint32_t field, const char *list)
{
	struct bytes fields = nothing();

	while (*list) {
		size_t length = strcspn(list, " ");

		add(&fields, inside(field, bytes_of(list, *list == '-' ? 0 : length)));
		list += length + (list[length] == ' ');
	}
	return fields;
}

/* --- values and tensors ---------------------------------------------------------- */

enum { FLOAT = 1, INT64 = 7, STRING = 8, BOOL = 9 };

/* TypeProto of a tensor; a dim of -9 is one without a value. */
static inline struct bytes
tensor_type(int type, int rank, ...)
{
	struct bytes shape = nothing();
	va_list dims;

	va_start(dims, rank);
	for (int d = 0; d < rank; d++) {
		int dim = va_arg(dims, int);

		add(&shape, inside(1, dim == -9 ? nothing() : number(1, (uint64_t)dim)));
	}
	va_end(dims);
	return inside(1, join(number(1, (uint64_t)type), inside(2, shape)));
}

/* A ValueInfoProto in a graph's field: 11 inputs, 12 outputs, 13 value_info. */
static inline struct bytes
value(uint32_t field, const char *name, struct bytes type)
{
	return inside(field, join(string(1, name), inside(2, type)));
}

static inline struct bytes
input(const char *name)
{
	return value(11, name, tensor_type(FLOAT, 1, 2));
}

static inline struct bytes
output(const char *name)
{
	return value(12, name, tensor_type(FLOAT, 1, 2));
}

/* The fields of a float tensor of zeros. */
static inline struct bytes
zeros(const char *name, int rank, ...)
{
	struct bytes fields = join(number(2, FLOAT), string(8, name)), data;
	size_t count = 1;
	va_list dims;

	va_start(dims, rank);
	for (int d = 0; d < rank; d++) {
		int dim = va_arg(dims, int);

		add(&fields, number(1, (uint64_t)dim));
		count *= (size_t)dim;
	}
	va_end(dims);
	data = (struct bytes){ calloc(count + 1, 4), count * 4 };
	ck_assert_ptr_nonnull(data.at);
	return join(fields, inside(9, data));
}

/* The fields of a list of int64. */
static inline struct bytes
integers(const char *name, int count, ...)
{
	struct bytes fields = ALL(number(1, (uint64_t)count), number(2, INT64), string(8, name));
	va_list values;

	va_start(values, count);
	for (int i = 0; i < count; i++)
		add(&fields, number(7, (uint64_t)va_arg(values, long long)));
	va_end(values);
	return fields;
}

/* --- nodes, graphs, functions, models ------------------------------------------------ */

/* NodeProto's fields; more of them may be added. */
static inline struct bytes
node_fields(const char *op, const char *inputs, const char *outputs)
{
	return ALL(names(1, inputs), names(2, outputs), string(4, op));
}

/* A node in its graph. */
static inline struct bytes
node(const char *op, const char *inputs, const char *outputs)
{
	return inside(1, node_fields(op, inputs, outputs));
}

static inline struct bytes
node_with(const char *op, const char *inputs, const char *outputs, struct bytes more)
{
	return inside(1, join(node_fields(op, inputs, outputs), more));
}

/* AttributeProto.AttributeType */
enum { A_FLOAT = 1, A_INT, A_STRING, A_TENSOR, A_GRAPH, A_FLOATS, A_INTS };

/* An attribute of a node, of the type, with the value's field. */
static inline struct bytes
attribute(const char *name, int type, struct bytes value_field)
{
	return inside(5, ALL(string(1, name), number(20, (uint64_t)type), value_field));
}

static inline struct bytes
int_attribute(const char *name, int64_t i)
{
	return attribute(name, A_INT, number(3, (uint64_t)i));
}

/* ModelProto's fields around those of a graph: IR version 9, operators 17 and "x" 1. */
static inline struct bytes
model_of(struct bytes graph_fields)
{
	return ALL(number(1, 9), inside(7, join(string(2, "g"), graph_fields)),
		   inside(8, number(2, 17)), inside(8, join(string(1, "x"), number(2, 1))));
}

/* From an input x of shape [2] to an output y. */
static inline struct bytes
model_of_nodes(struct bytes nodes)
{
	return model_of(ALL(input("x"), nodes, value(12, "y", tensor_type(FLOAT, 0))));
}

/* One of the model's functions, in domain x, with more fields of FunctionProto. */
static inline struct bytes
function(const char *name, const char *inputs, const char *outputs, struct bytes more)
{
	struct bytes opsets = join(inside(9, number(2, 17)),
				   inside(9, join(string(1, "x"), number(2, 1))));

	return inside(25, ALL(string(1, name), string(10, "x"), names(4, inputs), names(5, outputs),
			      opsets, more));
}

/* A node in a function's body. */
static inline struct bytes
body_node(const char *op, const char *inputs, const char *outputs, const char *domain)
{
	return inside(7, join(node_fields(op, inputs, outputs), string(7, domain)));
}

/* A call from the main graph. */
static inline struct bytes
call(const char *name, const char *inputs, const char *outputs)
{
	return node_with(name, inputs, outputs, string(7, "x"));
}

/* --- verdicts --------------------------------------------------------------------------- */

static inline snnfit_status
verdict(struct bytes model, snnfit_error *err)
{
	struct onnx_model *read;
	snnfit_status status = onnx_model_read_bytes(&read, model.at, model.length, NULL, NULL,
						     err);

	if (status == SNNFIT_OK)
		onnx_model_free(read);
	else
		ck_assert_ptr_null(read);
	free(model.at);
	return status;
}

static inline void
accepted(struct bytes model)
{
	snnfit_error err = { 0 };

	ck_assert_msg(verdict(model, &err) == SNNFIT_OK, "%s", err.text);
}

/* The sentence has to say this. */
static inline void
refused(const char *sentence, struct bytes model)
{
	snnfit_error err = { 0 };

	ck_assert_msg(verdict(model, &err) == SNNFIT_EFORMAT, "accepted: %s", sentence);
	ck_assert_int_eq(err.status, SNNFIT_EFORMAT);
	ck_assert_msg(strstr(err.text, sentence), "'%s' does not say '%s'", err.text, sentence);
}

#endif
