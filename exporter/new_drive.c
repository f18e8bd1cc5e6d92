/* new_drive.c - what drives a population of a new model: Gemms, gains and an offset. */
#include "exporter/new_model.h"

#include "exporter/build.h"
#include "exporter/quantize.h"

#include <math.h>

/* Terms that cancel to this part of their size are rounding, not an offset. */
#define ROUNDING 1e-9

/* One number a unit. */
struct vector {
	double *values; /* [units] */
	uint32_t units;
};

/* --- what a projection reads ----------------------------------------------------------- */

static const char *
label_of(const struct maker *maker, const struct projection *projection)
{
	return maker->graph->populations[projection->target].name;
}

static snnfit_status
read_input(struct maker *maker, const struct projection *projection, const char **out)
{
	const char *wanted = maker->graph->input_count ? maker->graph->inputs[0] : "input";
	uint64_t columns = dimension_size(&projection->columns);

	if (maker->graph->input_count > 1)
		return error_set(maker->err, SNNFIT_EUNSUPPORTED,
				 "%.100s: a network of several inputs cannot be made into a new "
				 "model",
				 label_of(maker, projection));
	*out = maker->input;
	if (*out)
		return SNNFIT_OK;
	*out = maker->input = names_unique(&maker->names, wanted);
	if (!*out)
		return error_no_memory(maker->err);
	return put_declaration(maker, &maker->main->input, &maker->main->n_input, *out,
			       (uint32_t)columns);
}

/* The spikes of the step before are a state. */
static snnfit_status
read_earlier(struct maker *maker, population_id source, const char **out)
{
	const struct population *population = &maker->graph->populations[source];
	const struct state_value *state;
	snnfit_status status = SNNFIT_OK;

	if (!maker->earlier[source]) {
		status = put_state(maker, population->name, "_spikes",
				   population_units(maker->graph, source), &state);
		if (status == SNNFIT_OK)
			maker->earlier[source] = state->input;
	}
	*out = maker->earlier[source];
	return status;
}

/* Layers whose spikes are added up, unit by unit: the graph does not say which of them a
 * projection reads. */
static bool
is_of_several(const struct graph *graph, axis_id axis)
{
	size_t i, found = 0;

	for (i = 0; i < graph->population_count; i++)
		found += graph->populations[i].axis == axis && !graph->populations[i].removed;
	return found > 1;
}

static snnfit_status
read_span(struct maker *maker, const struct projection *projection, const struct span *span,
	  const char **out)
{
	population_id source = graph_population_of(maker->graph, span->axis);

	if (source == GRAPH_NONE || is_of_several(maker->graph, span->axis) || span->outer != 1 ||
	    span->inner != 1)
		return error_set(maker->err, SNNFIT_EUNSUPPORTED,
				 "%.100s: it reads more than the units of a layer side by side, "
				 "which a new model is not made for",
				 label_of(maker, projection));
	if (projection->delayed)
		return read_earlier(maker, source, out);
	*out = maker->spikes[source];
	if (*out)
		return SNNFIT_OK;
	return error_set(maker->err, SNNFIT_EUNSUPPORTED,
			 "%.100s: it reads '%.100s', which comes after it",
			 label_of(maker, projection), maker->graph->populations[source].name);
}

static snnfit_status
read_spans(struct maker *maker, const struct projection *projection, const char **out)
{
	const struct dimension *columns = &projection->columns;
	Onnx__NodeProto *node;
	snnfit_status status;
	const char *part = NULL, *joined = NULL;
	uint32_t i;

	if (columns->count == 1)
		return read_span(maker, projection, &columns->spans[0], out);
	status = new_name(maker, label_of(maker, projection), "_inputs", &joined);
	if (status != SNNFIT_OK)
		return status;
	node = build_node(maker->arena,
			  &(struct build_node){ .op_type = "Concat", .outputs = { joined } });
	for (i = 0; node && i < columns->count; i++) {
		status = read_span(maker, projection, &columns->spans[i], &part);
		if (status != SNNFIT_OK)
			return status;
		if (!build_append(maker->arena, &node->input, &node->n_input, &part, sizeof part))
			node = NULL;
	}
	*out = joined;
	return put_node(maker, build_int(maker->arena, node, "axis", 1));
}

/* Projections count in spikes that are 0 or 1, tensors hold graded ones: the
 * factor from one to the other. False: it is 1 everywhere. */
static bool
factors_of(const struct maker *maker, const struct projection *projection, double *out)
{
	const struct dimension *columns = &projection->columns;
	uint32_t column = 0, i, u;
	bool any = false;

	for (i = 0; i < columns->count; i++) {
		const struct span *span = &columns->spans[i];
		const struct parameter *value =
			&maker->graph->populations[graph_population_of(maker->graph, span->axis)]
				 .neuron.spike_gain;

		for (u = 0; u < span->units; u++, column++) {
			out[column] = projection->spike ? projection->spike[column] : 1;
			if (value->count)
				out[column] /= parameter_at(value, u);
			any = any || out[column] != 1;
		}
	}
	return any;
}

static bool
is_zero(const double *values, uint32_t count)
{
	uint32_t i;

	for (i = 0; values && i < count; i++)
		if (values[i] != 0)
			return false;
	return true;
}

/* silent + spike times the spikes, column by column */
static snnfit_status
read_spikes(struct maker *maker, const struct projection *projection, const char **out)
{
	uint32_t columns = (uint32_t)dimension_size(&projection->columns);
	const char *name = label_of(maker, projection);
	double *factors = arena_zalloc(maker->arena, columns, sizeof *factors);
	snnfit_status status;

	if (!factors)
		return error_no_memory(maker->err);
	status = read_spans(maker, projection, out);
	if (status == SNNFIT_OK && factors_of(maker, projection, factors))
		status = put_with_constant(maker, "Mul", out, name, ".spike", columns, factors);
	if (status == SNNFIT_OK && !is_zero(projection->silent, columns))
		status = put_with_constant(maker, "Add", out, name, ".silent", columns,
					   projection->silent);
	return status;
}

static snnfit_status
read_data(struct maker *maker, const struct projection *projection, const char **out)
{
	switch (projection->reads) {
	case READS_INPUT:
		return read_input(maker, projection, out);
	case READS_SPIKES:
		return read_spikes(maker, projection, out);
	case READS_OTHER:
		break;
	}
	return error_set(maker->err, SNNFIT_EUNSUPPORTED,
			 "%.100s: it reads something else than spikes or the input",
			 label_of(maker, projection));
}

/* --- projections -------------------------------------------------------------------------- */

static snnfit_status
put_quantized(struct maker *maker, const struct projection *projection, const char *name,
	      const float *values, const char **out)
{
	const struct weights *weights = projection->weights;
	struct quantize_request request = {
		.quantization = &projection->quantization,
		.population = label_of(maker, projection),
		.name = name,
		.shape = { .type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
			   .rank = 2,
			   .dims = { weights->rows, weights->columns },
			   .count = (uint64_t)weights->rows * weights->columns },
		.values = values,
	};
	struct quantize_result made = { 0 };
	snnfit_status status = quantize(maker->model, &maker->names, &request, &made, maker->notes,
					maker->err);

	if (status == SNNFIT_OK)
		status = put_tensor(maker, made.integers);
	if (status == SNNFIT_OK)
		status = put_tensor(maker, made.scale);
	if (status == SNNFIT_OK)
		status = put_node(maker, made.node);
	*out = status == SNNFIT_OK ? made.node->output[0] : NULL;
	return status;
}

static snnfit_status
put_weights(struct maker *maker, const struct projection *projection, const char *label,
	    const char **out)
{
	uint64_t dims[] = { projection->weights->rows, projection->weights->columns };
	const float *values;
	snnfit_status status = weights_read(projection->weights, &values, maker->err);

	if (status == SNNFIT_OK)
		status = new_name(maker, label, ".weight", out);
	if (status != SNNFIT_OK)
		return status;
	if (projection->quantization.bits)
		return put_quantized(maker, projection, *out, values, out);
	return put_floats(maker, *out, 2, dims, values);
}

static snnfit_status
put_bias(struct maker *maker, const struct projection *projection, const char *label,
	 const char **out)
{
	uint64_t rows = projection->weights->rows;
	const float *values;
	snnfit_status status;

	*out = NULL;
	if (!projection->bias)
		return SNNFIT_OK;
	status = weights_read(projection->bias, &values, maker->err);
	if (status == SNNFIT_OK)
		status = new_name(maker, label, ".bias", out);
	return status == SNNFIT_OK ? put_floats(maker, *out, 1, &rows, values) : status;
}

static snnfit_status
check_projection(struct maker *maker, const struct projection *projection)
{
	if (!projection->partial && projection->kernel == 1)
		return SNNFIT_OK;
	return error_set(maker->err, SNNFIT_EUNSUPPORTED,
			 "%.100s: only dense layers can be made into a new model",
			 label_of(maker, projection));
}

/* scale: what its current counts for in the drive. */
static snnfit_status
put_projection(struct maker *maker, const struct projection *projection, const char *label,
	       const struct vector *scale, bool scaled, const char **out)
{
	const char *data = NULL, *weights = NULL, *bias = NULL;
	Onnx__NodeProto *node;
	snnfit_status status = read_data(maker, projection, &data);

	if (status == SNNFIT_OK)
		status = put_weights(maker, projection, label, &weights);
	if (status == SNNFIT_OK)
		status = put_bias(maker, projection, label, &bias);
	if (status == SNNFIT_OK)
		status = new_name(maker, label, "_drive", out);
	if (status != SNNFIT_OK)
		return status;
	node = build_node(maker->arena, &(struct build_node){ .op_type = "Gemm",
							      .name = label,
							      .inputs = { data, weights, bias },
							      .outputs = { *out } });
	status = put_node(maker, build_int(maker->arena, node, "transB", 1));
	if (status == SNNFIT_OK && scaled)
		status = put_with_constant(maker, "Mul", out, label, ".gain", scale->units,
					   scale->values);
	return status;
}

/* --- the drive of a population ------------------------------------------------------------ */

/* What a projection counts for in the drive that the function takes. With a
 * synaptic current the function multiplies by its gain itself. */
static bool
scale_of(const struct maker *maker, const struct projection *projection, const struct vector *scale)
{
	const struct neuron *neuron = &maker->graph->populations[projection->target].neuron;
	bool divides = neuron->current == CURRENT_OLD_AND_INPUT || neuron->current == CURRENT_NEW;
	bool any = false;
	uint32_t i;

	for (i = 0; i < scale->units; i++) {
		scale->values[i] = projection->gain.count ? parameter_at(&projection->gain, i) : 1;
		if (divides && neuron->input_gain.count)
			scale->values[i] /= parameter_at(&neuron->input_gain, i);
		any = any || scale->values[i] != 1;
	}
	return any;
}

/* The offset of the normal form, in the drive, less what the biases bring. */
static snnfit_status
begin_rest(const struct maker *maker, const struct population *population,
	   const struct vector *rest, const struct vector *size)
{
	const struct neuron *neuron = &population->neuron;
	bool divides = neuron->current == CURRENT_OLD_AND_INPUT || neuron->current == CURRENT_NEW;
	uint32_t i;

	if (neuron->offset.count > 1 && neuron->offset.count != rest->units)
		return error_set(maker->err, SNNFIT_EINTERNAL, "%.100s: offsets of other units",
				 population->name);
	for (i = 0; i < rest->units; i++) {
		rest->values[i] = neuron->offset.count ? parameter_at(&neuron->offset, i) : 0;
		if (divides && neuron->input_gain.count)
			rest->values[i] /= parameter_at(&neuron->input_gain, i);
		size->values[i] = fabs(rest->values[i]);
	}
	return SNNFIT_OK;
}

static snnfit_status
take_bias(const struct maker *maker, const struct projection *projection,
	  const struct vector *scale, const struct vector *rest, const struct vector *size)
{
	const float *bias;
	snnfit_status status;
	uint32_t i;

	if (!projection->bias)
		return SNNFIT_OK;
	status = weights_read(projection->bias, &bias, maker->err);
	for (i = 0; i < rest->units && status == SNNFIT_OK; i++) {
		rest->values[i] -= scale->values[i] * (double)bias[i];
		size->values[i] += fabs(scale->values[i] * (double)bias[i]);
	}
	return status;
}

static bool
is_rounding(const struct vector *rest, const struct vector *size)
{
	uint32_t i;

	for (i = 0; i < rest->units; i++)
		if (fabs(rest->values[i]) > ROUNDING * size->values[i])
			return false;
	return true;
}

static bool
new_vector(const struct maker *maker, uint32_t units, struct vector *out)
{
	out->units = units;
	out->values = arena_zalloc(maker->arena, units, sizeof *out->values);
	return out->values != NULL;
}

static snnfit_status
add_drive(struct maker *maker, const char *name, const char *one, const char **sum)
{
	const char *both = NULL;
	snnfit_status status;

	if (!*sum) {
		*sum = one;
		return SNNFIT_OK;
	}
	status = new_name(maker, name, "_drives", &both);
	if (status == SNNFIT_OK)
		status = put_operation(maker, "Add", *sum, one, both);
	*sum = both;
	return status;
}

/* The first Gemm has the population's name, the others a number behind it. */
snnfit_status
put_drive(struct maker *maker, population_id id, const char **out)
{
	const struct graph *graph = maker->graph;
	const struct population *population = &graph->populations[id];
	uint32_t units = population_units(graph, id);
	struct vector scale, rest, size;
	snnfit_status status;
	size_t i;

	*out = NULL;
	if (!new_vector(maker, units, &scale) || !new_vector(maker, units, &rest) ||
	    !new_vector(maker, units, &size))
		return error_no_memory(maker->err);
	status = begin_rest(maker, population, &rest, &size);
	for (i = 0; i < graph->projection_count && status == SNNFIT_OK; i++) {
		const struct projection *projection = &graph->projections[i];
		const char *label, *one = NULL;
		bool scaled;

		if (projection->removed || projection->target != id)
			continue;
		status = check_projection(maker, projection);
		if (status != SNNFIT_OK)
			return status;
		label = *out ? names_unique(&maker->names, population->name) : population->name;
		scaled = scale_of(maker, projection, &scale);
		status = label ? put_projection(maker, projection, label, &scale, scaled, &one)
			       : error_no_memory(maker->err);
		if (status == SNNFIT_OK)
			status = take_bias(maker, projection, &scale, &rest, &size);
		if (status == SNNFIT_OK)
			status = add_drive(maker, population->name, one, out);
	}
	if (status == SNNFIT_OK && !*out)
		return error_set(maker->err, SNNFIT_EUNSUPPORTED, "%.100s: nothing drives it",
				 population->name);
	if (status != SNNFIT_OK || is_rounding(&rest, &size))
		return status;
	return put_with_constant(maker, "Add", out, population->name, ".offset", units,
				 rest.values);
}
