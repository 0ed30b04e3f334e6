{# A data test of our own. A data test selects the rows that are wrong; NULL is
   not wrong here, that is what not_null is for. In YAML:

     data_tests:
       - between: {arguments: {lower: 0, upper: 1}} #}
{% test between(model, column_name, lower, upper) %}
select *
from {{ model }}
where {{ column_name }} < {{ lower }} or {{ column_name }} > {{ upper }}
{% endtest %}
